//! Sums of money by currency. A sum of many amounts may not fit into the database's integers, so millions
//! and the rest are summed apart: both databases divide towards zero.

use std::collections::BTreeMap;

use domain::Money;
use sea_orm::sea_query::{Expr, SimpleExpr};

use super::currency;
use crate::StoreError;

const MILLION: i128 = 1_000_000;

/// What to select of conversions beside their currency: the sums of millions and of the rest.
pub(super) fn parts() -> [SimpleExpr; 2] {
    ["/", "%"].map(|operator| Expr::cust(format!("CAST(SUM(conversions.amount {operator} {MILLION}) AS BIGINT)")))
}

/// One for each currency, in the order of their codes.
pub(super) fn add_up(rows: impl IntoIterator<Item = (String, i64, i64)>) -> Result<Vec<Money>, StoreError> {
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for (code, millions, rest) in rows {
        *sums.entry(code).or_default() += i128::from(millions) * MILLION + i128::from(rest);
    }
    sums.into_iter().map(|(code, minor)| Ok(Money { minor, currency: currency(&code)? })).collect()
}
