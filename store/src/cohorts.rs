//! Cohorts: clicks by the age that their link had, and consented visitors by when they were first seen.
//!
//! Numbers of periods and edges are written into statements, since PostgreSQL takes two bound parameters for two
//! different expressions; all of them are computed here.

use std::fmt::Write as _;

use domain::{ClickFilter, LinkId, MAX_AGE_DAYS, Millis, Verdict};
use entity::click::{Column, Entity};
use entity::link;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait as _, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::filter_sql::look_up;
use crate::unique_visitors::CONSENTED;
use crate::{StoreError, WorkspaceScope};

const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;

/// Clicks of the links of one cohort at one age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgedClicks {
    /// The index of the period in which the links were made; `None` where that was before the first one, or after the last.
    pub cohort: Option<usize>,
    /// In whole days of 24 hours; `None` above [`MAX_AGE_DAYS`].
    pub days: Option<u32>,
    pub clicks: u64,
}

/// How many links were made in each period, and the clicks of these and of all others.
#[derive(Clone, Debug)]
pub struct LinkAges {
    pub links: Vec<u64>,
    /// In the order of cohorts and ages.
    pub clicks: Vec<AgedClicks>,
    /// The first instant the answer covers.
    pub data_from: Millis,
}

/// Visitors who were first seen in one period and seen again in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Returned {
    pub cohort: usize,
    pub period: usize,
    pub visitors: u64,
}

impl WorkspaceScope {
    /// Clicks by the age of their link; `edges` are those of the cohorts, one more than there are. Clicks without a
    /// link are left out, since theirs was never made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_ages(&self, filter: &ClickFilter, edges: &[Millis]) -> Result<LinkAges, StoreError> {
        let filter = filter.with_default_verdicts(&[Verdict::Human]);
        let cohort = || Expr::cust(index_of("links.created_at", edges));
        let age = "(clicks.occurred_at - links.created_at)";
        let days = || {
            Expr::cust(format!(
                "CASE WHEN {age} < 0 THEN 0 WHEN {age} / {DAY_MILLIS} > {MAX_AGE_DAYS} THEN -1 ELSE {age} / {DAY_MILLIS} END"
            ))
        };
        let made = Expr::col((link::Entity, link::Column::Id)).equals((Entity, Column::LinkId));
        let query = look_up(Entity::find().select_only(), link::Entity, made)
            .column_as(cohort(), "cohort")
            .column_as(days(), "age")
            .column_as(Column::Id.count(), "clicks")
            .filter(self.counted(&filter))
            .filter(self.made_links())
            .group_by(cohort())
            .group_by(days())
            .into_query();
        let mut clicks = Vec::new();
        for row in self.transaction.query_all(&query).await? {
            let (cohort, days, count): (i32, i64, i64) = (row.try_get("", "cohort")?, row.try_get("", "age")?, row.try_get("", "clicks")?);
            clicks.push(AgedClicks { cohort: usize::try_from(cohort).ok(), days: u32::try_from(days).ok(), clicks: count.unsigned_abs() });
        }
        clicks.sort_unstable();
        Ok(LinkAges { links: self.links_made(&filter, edges).await?, clicks, data_from: self.clicks_from(&filter).await? })
    }

    /// Of the links that the filter lets through, deleted ones too, how many were made in each period.
    async fn links_made(&self, filter: &ClickFilter, edges: &[Millis]) -> Result<Vec<u64>, StoreError> {
        let cohort = || Expr::cust(index_of("links.created_at", edges));
        let rows: Vec<(i32, i64)> = link::Entity::find()
            .select_only()
            .column_as(cohort(), "cohort")
            .column_as(link::Column::Id.count(), "links")
            .filter(self.made_links())
            .filter(self.of_links(filter, link::Column::Id))
            .group_by(cohort())
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let mut links = vec![0; edges.len().saturating_sub(1)];
        for (cohort, count) in rows {
            if let Some(of_cohort) = usize::try_from(cohort).ok().and_then(|cohort| links.get_mut(cohort)) {
                *of_cohort = count.unsigned_abs();
            }
        }
        Ok(links)
    }

    fn made_links(&self) -> Condition {
        let logged = LinkId::logged(self.workspace).0;
        Condition::all().add(link::Column::WorkspaceId.eq(self.workspace.0)).add(link::Column::Id.ne(logged))
    }

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
