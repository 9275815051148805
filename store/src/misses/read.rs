//! Misses and their counts, as they are asked for.

use domain::{DomainId, Millis, Miss, MissFilter, MissId, Quarter, Verdict};
use entity::miss::{Column, Entity, Model};
use entity::miss_count;
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::verdict;
use crate::clicks::PageRequest;
use crate::{StoreError, WorkspaceScope};

/// A part of the misses, newest first.
#[derive(Clone, Debug)]
pub struct MissPage {
    pub misses: Vec<Miss>,
    pub has_next: bool,
    pub has_previous: bool,
}

/// How often a slug was asked for that is no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedSlug {
    pub domain: DomainId,
    /// `None` for all paths that can be no slug.
    pub slug: Option<String>,
    pub misses: u64,
    /// When it was asked for last.
    pub last_at: Millis,
}

/// How many misses there were in a quarter-hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissCount {
    pub quarter: Quarter,
    pub domain: DomainId,
    pub verdict: Verdict,
    pub misses: u64,
}

/// A place between counts, in the order of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissCountPlace(i64, Uuid, i16);

impl WorkspaceScope {
    /// Misses that are kept, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn misses(&self, filter: &MissFilter, page: &PageRequest<MissId>) -> Result<MissPage, StoreError> {
        let mut query = Entity::find().filter(self.missed(filter));
        if let Some(after) = page.after {
            query = query.filter(Column::Id.lt(after.0));
        }
        if let Some(before) = page.before {
            query = query.filter(Column::Id.gt(before.0));
        }
        query = if page.backwards { query.order_by_asc(Column::Id) } else { query.order_by_desc(Column::Id) };
        let rows = query.limit(page.limit + 1).all(&self.transaction).await?;
        let (rows, has_next, has_previous) = page.cut(rows);
        Ok(MissPage { misses: rows.into_iter().map(to_miss).collect::<Result<_, _>>()?, has_next, has_previous })
    }

    /// The slugs that were asked for most, of misses that are kept; `most` at most.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn missed_slugs(&self, filter: &MissFilter, most: u64) -> Result<Vec<MissedSlug>, StoreError> {
        let rows: Vec<(Uuid, Option<String>, i64, i64)> = Entity::find()
            .select_only()
            .columns([Column::DomainId, Column::Slug])
            .column_as(Column::Id.count(), "misses")
            .column_as(Column::OccurredAt.max(), "last_at")
            .filter(self.missed(filter))
            .group_by(Column::DomainId)
            .group_by(Column::Slug)
            .order_by_desc(Column::Id.count())
            .order_by_desc(Column::OccurredAt.max())
            .order_by_asc(Column::DomainId)
            .order_by_asc(Column::Slug)
            .limit(most)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let slug = |(domain, slug, misses, last): (Uuid, _, i64, _)| MissedSlug {
            domain: DomainId(domain),
            slug,
            misses: misses.unsigned_abs(),
            last_at: Millis(last),
        };
        Ok(rows.into_iter().map(slug).collect())
    }

    /// How many misses there were: by counts for whole quarter-hours, also of misses that are no longer kept, and by
    /// the misses themselves for the pieces of a quarter at the range's ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_misses(&self, filter: &MissFilter) -> Result<u64, StoreError> {
        let first = filter.from.map(|from| Quarter::of(from.plus(Quarter::MILLIS - 1)));
        let end = filter.to.map(Quarter::of);
        if first.zip(end).is_some_and(|(first, end)| first >= end) {
            return self.count_missed(filter).await;
        }
        let mut count = self.sum_miss_counts(filter, first, end).await?;
        let head = filter.from.zip(first).map(|(from, first)| (from, first.start()));
        let tail = filter.to.zip(end).map(|(to, end)| (end.start(), to));
        for (from, to) in head.into_iter().chain(tail).filter(|(from, to)| from < to) {
            count += self.count_missed(&MissFilter { from: Some(from), to: Some(to), ..filter.clone() }).await?;
        }
        Ok(count)
    }

    /// How many of the misses that are kept match.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_kept_misses(&self, filter: &MissFilter) -> Result<u64, StoreError> {
        self.count_missed(filter).await
    }

    async fn count_missed(&self, filter: &MissFilter) -> Result<u64, StoreError> {
        let count = Entity::find().select_only().column_as(Column::Id.count(), "misses").filter(self.missed(filter));
        Ok(count.into_tuple::<i64>().one(&self.transaction).await?.unwrap_or_default().unsigned_abs())
    }

    async fn sum_miss_counts(&self, filter: &MissFilter, first: Option<Quarter>, end: Option<Quarter>) -> Result<u64, StoreError> {
        use miss_count::Column;
        let sum = Func::coalesce([Expr::col(Column::Count).sum(), Expr::val(0_i64)]).cast_as("BIGINT");
        let count =
            miss_count::Entity::find().select_only().column_as(sum, "misses").filter(Column::WorkspaceId.eq(self.workspace.0)).filter(
                Condition::all()
                    .add_option(first.map(|first| Column::Quarter.gte(first.0)))
                    .add_option(end.map(|end| Column::Quarter.lt(end.0)))
                    .add_option(any_of(&filter.domains, |domain| domain.0).map(|domains| Column::DomainId.is_in(domains)))
                    .add_option(any_of(&filter.verdicts, |verdict| verdict.code()).map(|verdicts| Column::Verdict.is_in(verdicts))),
            );
        Ok(count.into_tuple::<i64>().one(&self.transaction).await?.unwrap_or_default().unsigned_abs())
    }

    /// Misses after that one, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn misses_after(&self, after: Option<MissId>, limit: u64) -> Result<Vec<Miss>, StoreError> {
        let mut query = Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0)).order_by_asc(Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.0));
        }
        query.all(&self.transaction).await?.into_iter().map(to_miss).collect()
    }

    /// Counts after that place, oldest first, `limit` at most; and the place after them, `None` at the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn miss_counts_after(
        &self,
        after: Option<MissCountPlace>,
        limit: u64,
    ) -> Result<(Vec<MissCount>, Option<MissCountPlace>), StoreError> {
        use miss_count::Column;
        let mut query = miss_count::Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .order_by_asc(Column::Quarter)
            .order_by_asc(Column::DomainId)
            .order_by_asc(Column::Verdict)
            .limit(limit);
        if let Some(MissCountPlace(quarter, domain, verdict)) = after {
            let key = Expr::tuple([Expr::col(Column::Quarter), Expr::col(Column::DomainId), Expr::col(Column::Verdict)]);
            query = query.filter(key.gt(Expr::tuple([quarter.into(), domain.into(), verdict.into()])));
        }
        let rows = query.all(&self.transaction).await?;
        let place = rows.last().map(|last| MissCountPlace(last.quarter, last.domain_id, last.verdict));
        Ok((rows.iter().map(to_count).collect::<Result<_, _>>()?, place))
    }

    pub(super) fn missed(&self, filter: &MissFilter) -> Condition {
        Condition::all()
            .add(Column::WorkspaceId.eq(self.workspace.0))
            .add_option(filter.from.map(|from| Column::Id.gte(MissId::floor(from).0)))
            .add_option(filter.to.map(|to| Column::Id.lt(MissId::floor(to).0)))
            .add_option(any_of(&filter.domains, |domain| domain.0).map(|domains| Column::DomainId.is_in(domains)))
            .add_option(any_of(&filter.verdicts, |verdict| verdict.code()).map(|verdicts| Column::Verdict.is_in(verdicts)))
    }
}

/// What a column may be; `None` where it may be anything.
fn any_of<T, U>(named: &[T], value: impl Fn(&T) -> U) -> Option<Vec<U>> {
    (!named.is_empty()).then(|| named.iter().map(value).collect())
}

fn to_miss(row: Model) -> Result<Miss, StoreError> {
    Ok(Miss {
        id: MissId(row.id),
        domain: DomainId(row.domain_id),
        slug: row.slug,
        verdict: verdict(row.verdict)?,
        network: row.network,
        country: row.country,
        user_agent: row.user_agent,
    })
}

fn to_count(row: &miss_count::Model) -> Result<MissCount, StoreError> {
    Ok(MissCount {
        quarter: Quarter(row.quarter),
        domain: DomainId(row.domain_id),
        verdict: verdict(row.verdict)?,
        misses: row.count.unsigned_abs(),
    })
}
