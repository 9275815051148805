//! What a series of the values of a dimension reads from clicks.

use domain::{BucketSpan, ClickFilter, ClickProperties, DimensionValue, HostName, MetadataChoice, Millis, Tag};
use entity::click::{Column, Entity};
use sea_orm::sea_query::{CaseStatement, Expr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::filter_sql::within;
use crate::grouped::Grouping;
use crate::split_series::Sums;
use crate::{BreakdownRequest, LinkGroup, StoreError, WorkspaceScope};

/// What the place of a value is called in a statement.
const PLACE: &str = "place";

impl WorkspaceScope {
    pub(crate) async fn split_clicks(
        &self,
        filter: &ClickFilter,
        request: &BreakdownRequest,
        group: Option<&LinkGroup>,
        values: &[DimensionValue],
        sums: &mut Sums<'_>,
    ) -> Result<(), StoreError> {
        let filter = &self.narrowed(filter).await?;
        let Some(group) = group else {
            let grouping = Grouping { dimension: request.dimension, key: request.key.as_deref() };
            let conditions = values.iter().map(|value| self.of_value(grouping, value)).collect();
            return self.add_by_span(filter, conditions, &|place| Some(Vec::from_iter(place)), sums).await;
        };
        // A link may be in several groups, so each is a question of its own.
        let of = |value| self.of_links(&links_in(group, value, &request.shared_domain), Column::LinkId);
        let mut rest = Condition::all();
        for (place, value) in values.iter().enumerate() {
            rest = rest.add(of(value).not());
            self.add_by_span(filter, vec![of(value)], &|found| found.map(|_| vec![place]), sums).await?;
        }
        self.add_by_span(filter, vec![rest], &|found| found.map(|_| Vec::new()), sums).await
    }

    /// The same filter, cut to the time from which there are clicks.
    async fn narrowed(&self, filter: &ClickFilter) -> Result<ClickFilter, StoreError> {
        let ends = Entity::find()
            .select_only()
            .column_as(Column::OccurredAt.min(), "first")
            .column_as(Column::OccurredAt.max(), "last")
            .filter(self.counted(filter))
            .into_tuple::<(Option<i64>, Option<i64>)>()
            .one(&self.transaction)
            .await?;
        let (first, last) = ends.unwrap_or_default();
        let (first, end) = (first.map_or(Millis::MAX, Millis), last.map_or(Millis(0), |last| Millis(last).plus(1)));
        let to = filter.to.map_or(end, |to| to.min(end));
        Ok(ClickFilter { from: filter.from.max(Some(first)), to: Some(to), ..filter.clone() })
    }

    /// Adds up clicks by the first of the conditions that holds, `None` where none does: to the places that are told for
    /// it, to the others where these are none.
    async fn add_by_span(
        &self,
        filter: &ClickFilter,
        conditions: Vec<Condition>,
        places: &(dyn Fn(Option<usize>) -> Option<Vec<usize>> + Sync),
        sums: &mut Sums<'_>,
    ) -> Result<(), StoreError> {
        let place = place(conditions);
        // Neighbours of the same width are one question; days have others only where clocks change.
        let spans: &[BucketSpan] = sums.spans;
        for run in spans.chunk_by(|one, next| one.width() == next.width()) {
            let [first, ..] = run else { continue };
            let inside = within(filter, run);
            if inside.from >= inside.to {
                continue;
            }
            let rows: Vec<(i64, i32, i64)> = self.by_span(&inside, *first, place.clone()).into_tuple().all(&self.transaction).await?;
            for (index, place, clicks) in rows {
                let span = usize::try_from(index).ok().and_then(|index| run.get(index));
                if let Some((span, places)) = span.zip(places(usize::try_from(place).ok())) {
                    sums.add(span.start, &places, clicks.unsigned_abs());
                }
            }
        }
        Ok(())
    }

    fn by_span(&self, filter: &ClickFilter, first: BucketSpan, place: SimpleExpr) -> Select<Entity> {
        let index = Expr::cust(format!("(occurred_at - {}) / {}", first.start.0, first.width()));
        Entity::find()
            .select_only()
            .column_as(index.clone(), "span")
            .column_as(place, PLACE)
            .column_as(Column::Id.count(), "clicks")
            .filter(self.counted(filter))
            .group_by(index)
            .group_by(Expr::cust(PLACE))
    }
}

/// Which of the conditions is the first that holds; -1 where none does.
fn place(conditions: Vec<Condition>) -> SimpleExpr {
    let none = || Expr::cust("-1");
    if conditions.is_empty() {
        return none();
    }
    let number = |place: usize| Expr::cust(place.to_string());
    let add = |case: CaseStatement, (place, condition)| case.case(condition, number(place));
    conditions.into_iter().enumerate().fold(CaseStatement::new(), add).finally(none()).into()
}

/// The links that are in a group.
fn links_in(group: &LinkGroup, value: &DimensionValue, shared_domain: &str) -> ClickFilter {
    let (text, all) = (value.text(), ClickProperties::default);
    let wanted = match group {
        LinkGroup::Tag => ClickProperties { tags: vec![text.map(Tag::from_store)], ..all() },
        LinkGroup::Folder => ClickProperties { folders: vec![text], ..all() },
        LinkGroup::Domain => {
            ClickProperties { domains: vec![text.filter(|text| text != shared_domain).map(HostName::from_store)], ..all() }
        }
        LinkGroup::Metadata(key) => ClickProperties { metadata: vec![MetadataChoice { key: key.clone(), values: vec![text] }], ..all() },
    };
    wanted.into()
}
