//! Cohorts of consented visitors by when they were first seen.
//!
//! Numbers of periods and edges are written into statements, since PostgreSQL takes two bound parameters for two
//! different expressions; all of them are computed here.

use std::fmt::Write as _;

use domain::{ClickFilter, Millis, Verdict};
use entity::click::{Column, Entity};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait as _, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::unique_visitors::CONSENTED;
use crate::{StoreError, WorkspaceScope};

/// Visitors who were first seen in one period and seen again in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Returned {
    pub cohort: usize,
    pub period: usize,
    pub visitors: u64,
}

impl WorkspaceScope {
    /// Consented visitors by the period in which they were first seen among the clicks that match, and those in which
    /// they were seen. Whoever was seen before the first of the periods is in none of the cohorts. `None` where no
    /// click that matches has a consented id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn returned(&self, filter: &ClickFilter, edges: &[Millis]) -> Result<Option<Vec<Returned>>, StoreError> {
        let (Some(last), filter) = (edges.last(), filter.with_default_verdicts(&[Verdict::Human])) else { return Ok(None) };
        let until = ClickFilter { from: None, to: Some(filter.to.map_or(*last, |to| to.min(*last))), ..filter };
        let period = || Expr::cust(index_of("clicks.occurred_at", edges));
        let seen = Entity::find()
            .select_only()
            .column(Column::Visitor)
            .column_as(period(), "period")
            .filter(self.counted(&until))
            .filter(Expr::cust(CONSENTED))
            .group_by(Column::Visitor)
            .group_by(period())
            .into_query();
        let first = Query::select()
            .expr_as(Expr::cust("period"), "period")
            .expr_as(Expr::cust("MIN(period) OVER (PARTITION BY visitor)"), "cohort")
            .from_subquery(seen, "seen")
            .to_owned();
        let counted = Query::select()
            .expr_as(Expr::cust("cohort"), "cohort")
            .expr_as(Expr::cust("period"), "period")
            .expr_as(Expr::cust("COUNT(*)"), "visitors")
            .from_subquery(first, "first_seen")
            .add_group_by([Expr::cust("cohort"), Expr::cust("period")])
            .to_owned();
        let rows = self.transaction.query_all(&counted).await?;
        let mut returned = Vec::with_capacity(rows.len());
        for row in &rows {
            let (cohort, period, visitors): (i32, i32, i64) =
                (row.try_get("", "cohort")?, row.try_get("", "period")?, row.try_get("", "visitors")?);
            if let (Ok(cohort), Ok(period)) = (usize::try_from(cohort), usize::try_from(period)) {
                returned.push(Returned { cohort, period, visitors: visitors.unsigned_abs() });
            }
        }
        returned.sort_unstable();
        Ok((!rows.is_empty()).then_some(returned))
    }
}

/// SQL for the index of the period that holds an instant: -1 before the first one, and after the last.
fn index_of(column: &str, edges: &[Millis]) -> String {
    let mut sql = String::from("CASE");
    if let Some(end) = edges.last() {
        let _ = write!(sql, " WHEN {column} >= {} THEN -1", end.0);
    }
    for (index, edge) in edges.iter().enumerate().rev().skip(1) {
        let _ = write!(sql, " WHEN {column} >= {} THEN {index}", edge.0);
    }
    if edges.is_empty() { "-1".into() } else { sql + " ELSE -1 END" }
}
