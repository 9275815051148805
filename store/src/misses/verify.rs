//! Whether the counts of misses are those of the misses that are kept: read in one snapshot, so that it can be asked
//! while misses are stored.

use std::collections::BTreeMap;

use domain::{DomainId, Millis, MissFilter, Quarter, Verdict};
use entity::miss::{Column, Entity};
use entity::miss_count;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::verdict;
use crate::{StoreError, WorkspaceScope};

/// A count that says something else than its misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissDifference {
    pub quarter: Quarter,
    pub domain: DomainId,
    pub verdict: Verdict,
    pub counted: u64,
    pub kept: u64,
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct MissesVerified {
    /// Counts that were compared.
    pub counts: u64,
    /// In the order of time.
    pub differences: Vec<MissDifference>,
}

impl WorkspaceScope {
    /// The first and the last quarter of which there is a count or a miss that is to be kept; `None` without any.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn miss_quarters(&self) -> Result<Option<(Quarter, Quarter)>, StoreError> {
        let kept_from = self.forgotten().await?.kept_from;
        let counts = miss_count::Entity::find()
            .select_only()
            .column_as(miss_count::Column::Quarter.min(), "first")
            .column_as(miss_count::Column::Quarter.max(), "last")
            .filter(miss_count::Column::WorkspaceId.eq(self.workspace.0))
            .filter(miss_count::Column::Quarter.gte(Quarter::of(kept_from).0));
        let (first, last): (Option<i64>, Option<i64>) = counts.into_tuple().one(&self.transaction).await?.unwrap_or_default();
        let kept = self.missed(&MissFilter { from: Some(kept_from), ..MissFilter::default() });
        let rows = Entity::find()
            .select_only()
            .column_as(Column::OccurredAt.min(), "first")
            .column_as(Column::OccurredAt.max(), "last")
            .filter(kept);
        let (oldest, newest): (Option<i64>, Option<i64>) = rows.into_tuple().one(&self.transaction).await?.unwrap_or_default();
        let quarter = |at: i64| Quarter::of(Millis(at));
        let first = first.map(Quarter).into_iter().chain(oldest.map(quarter)).min();
        let last = last.map(Quarter).into_iter().chain(newest.map(quarter)).max();
        Ok(first.zip(last))
    }

    /// Compares the counts of quarters from `first` on and before `end` with their misses, as far as these are kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn verify_misses(&self, first: Quarter, end: Quarter) -> Result<MissesVerified, StoreError> {
        let first = first.max(Quarter::of(self.forgotten().await?.kept_from));
        let mut pairs: BTreeMap<(i64, Uuid, i16), (i64, i64)> = BTreeMap::new();
        let counts = miss_count::Entity::find()
            .filter(miss_count::Column::WorkspaceId.eq(self.workspace.0))
            .filter(miss_count::Column::Quarter.gte(first.0))
            .filter(miss_count::Column::Quarter.lt(end.0));
        for row in counts.all(&self.transaction).await? {
            pairs.entry((row.quarter, row.domain_id, row.verdict)).or_default().0 = row.count;
        }
        let filter = MissFilter { from: Some(first.start()), to: Some(end.start()), ..MissFilter::default() };
        // Written out, since PostgreSQL takes two bound parameters for two different expressions.
        let quarter = Expr::cust(format!("occurred_at / {}", Quarter::MILLIS));
        let kept = Entity::find()
            .select_only()
            .column_as(quarter.clone(), "quarter")
            .columns([Column::DomainId, Column::Verdict])
            .column_as(Column::Id.count(), "misses")
            .filter(self.missed(&filter))
            .group_by(quarter)
            .group_by(Column::DomainId)
            .group_by(Column::Verdict);
        let kept: Vec<(i64, Uuid, i16, i64)> = kept.into_tuple().all(&self.transaction).await?;
        for (quarter, domain, verdict, misses) in kept {
            pairs.entry((quarter, domain, verdict)).or_default().1 = misses;
        }
        let difference = |((quarter, domain, code), (counted, kept)): (&(i64, Uuid, i16), &(i64, i64))| {
            let (quarter, domain) = (Quarter(*quarter), DomainId(*domain));
            let verdict = verdict(*code)?;
            Ok(MissDifference { quarter, domain, verdict, counted: counted.unsigned_abs(), kept: kept.unsigned_abs() })
        };
        let differences = pairs.iter().filter(|(_, (counted, kept))| counted != kept).map(difference);
        Ok(MissesVerified { counts: pairs.len() as u64, differences: differences.collect::<Result<_, StoreError>>()? })
    }
}
