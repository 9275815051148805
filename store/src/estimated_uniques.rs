//! Visitors of several links together, each once a day: estimated from the sketches of the links' days, of whole
//! days of the workspace's zone.

use domain::{BucketSpan, ClickFilter, ClickId, Millis, Quarter, Verdict};
use entity::click;
use entity::rollup_cell;
use entity::visitor_sketch::{Column, Entity};
use futures_util::TryStreamExt as _;
use jiff::tz::TimeZone;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::rollup::{Grain, Sketches, Union, WHOLE_WORKSPACE, day_end, day_start};
use crate::{StoreError, WorkspaceScope};

/// The most sketches that one answer is made of.
pub const MOST_SKETCHES: u64 = 20_000;

/// Whole days, by the quarters that the first one and the one after the last begin with.
#[derive(Clone, Copy, Debug)]
struct WholeDays {
    first: i64,
    end: i64,
}

/// Whether visitors of what is asked for can be estimated: of several links, whatever says which, and of nothing
/// else but time and verdicts.
fn is_of_links(filter: &ClickFilter) -> bool {
    filter.names_links() && filter.include.links.len() != 1 && filter.one_dimension() == Some(None)
}

impl WorkspaceScope {
    /// The sum over days of how many visitors had their first click of the day, on one of the links, of one of the
    /// filter's verdicts (people's, when it names none). `None` where the filter asks for more than links, time and
    /// verdicts, or for one link, which is counted exactly; where its range cuts a day in which there were clicks
    /// outside of it; for days of which there are no sketches; and where there are more than `MOST_SKETCHES`.
    ///
    /// # Errors
    /// When the database does not answer, or a sketch cannot be read.
    pub async fn estimated_uniques(&self, filter: &ClickFilter) -> Result<Option<u64>, StoreError> {
        let all = BucketSpan { start: filter.from.unwrap_or(Millis(0)), end: filter.to.unwrap_or(Millis::MAX) };
        Ok(self.estimated_uniques_in(filter, &[all]).await?.pop().flatten())
    }

    /// The same in each of `spans`, which join.
    ///
    /// # Errors
    /// When the database does not answer, or a sketch cannot be read.
    pub async fn estimated_uniques_in(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Result<Vec<Option<u64>>, StoreError> {
        let nothing = || Ok(vec![None; spans.len()]);
        let Some((start, last)) = spans.first().map(|span| span.start).zip(spans.last()).filter(|_| is_of_links(filter)) else {
            return nothing();
        };
        let range = (start.max(filter.from.unwrap_or(start)), last.end.min(filter.to.unwrap_or(last.end)));
        let known = self.sketches_known(range).await?;
        let mut days: Vec<Option<WholeDays>> = Vec::with_capacity(spans.len());
        for span in spans {
            days.push(self.whole_days((span.start.max(range.0), span.end.min(range.1)), &known).await?);
        }
        let asked = || days.iter().flatten().filter(|days| days.first < days.end);
        let (first, end) = (asked().map(|days| days.first).min(), asked().map(|days| days.end).max());
        let sketches = self.sketches(filter, first.unwrap_or_default(), end.unwrap_or_default());
        let mut sums: Vec<u64> = vec![0; spans.len()];
        let add = |day: i64, union: &Union| {
            let within = |days: &Option<WholeDays>| days.is_some_and(|days| days.first <= day && day < days.end);
            if let Some(sum) = days.iter().position(within).and_then(|index| sums.get_mut(index)) {
                *sum += union.estimate();
            }
        };
        if first.is_some() && !self.unite_days(sketches, &filter.verdicts_or(&[Verdict::Human]), add).await? {
            return nothing();
        }
        Ok(days.iter().zip(sums).map(|(days, sum)| days.map(|_| sum)).collect())
    }

    /// Tells each day's union, one after the other. Whether there were few enough.
    async fn unite_days(
        &self,
        sketches: Select<Entity>,
        verdicts: &[Verdict],
        mut each: impl FnMut(i64, &Union),
    ) -> Result<bool, StoreError> {
        let rows = sketches.select_only().column(Column::Quarter).column(Column::Body).order_by_asc(Column::Quarter);
        let mut rows = rows.limit(MOST_SKETCHES + 1).into_tuple::<(i64, Vec<u8>)>().stream(&self.transaction).await?;
        let (mut met, mut united) = (0, None::<(i64, Union)>);
        while let Some((day, body)) = rows.try_next().await? {
            met += 1;
            if let Some((before, union)) = united.take_if(|(before, _)| *before != day) {
                each(before, &union);
            }
            let (_, union) = united.get_or_insert_with(|| (day, Union::default()));
            union.add(&Sketches::decode(&body)?, verdicts);
        }
        if let Some((day, union)) = united {
            each(day, &union);
        }
        Ok(met <= MOST_SKETCHES)
    }

    fn sketches(&self, filter: &ClickFilter, first: i64, end: i64) -> Select<Entity> {
        Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(self.of_links(filter, Column::LinkId))
            .filter(Column::Quarter.gte(first))
            .filter(Column::Quarter.lt(end))
    }

    async fn sketches_known(&self, range: (Millis, Millis)) -> Result<Known, StoreError> {
        let head = self.head_row().await?.ok_or(StoreError::NotFound)?;
        let zone = crate::zones::zone(&head.day_zone);
        let (first, from) = (day_start(range.0, &zone).0, head.sketches_from.max(head.dimensions_from));
        // Of a time without clicks nothing is missing.
        let from = if first < from && !self.has_cells(first, from).await? { first } else { from };
        Ok(Known { from, kept_from: Millis(head.kept_from), zone, range })
    }

    /// The days of a range, given that it has all clicks of these.
    async fn whole_days(&self, (from, to): (Millis, Millis), known: &Known) -> Result<Option<WholeDays>, StoreError> {
        if from >= to {
            return Ok(Some(WholeDays { first: 0, end: 0 }));
        }
        let (first, last) = (day_start(from, &known.zone), day_start(to.min(LAST), &known.zone));
        let end = if last.start() == to { last } else { day_end(last.start(), &known.zone) };
        let is_cut = |edge: Millis, day_edge: Quarter, of_range: Millis| edge != day_edge.start() && edge != of_range;
        if first.0 < known.from || is_cut(from, first, known.range.0) || is_cut(to, end, known.range.1) {
            return Ok(None);
        }
        // Before the first of all instants, and after the last, there is nothing.
        let before = from <= Millis(0) || self.has_no_clicks(first.start(), from, known).await?;
        let is_whole = before && (to >= LAST || self.has_no_clicks(to, end.start(), known).await?);
        Ok(is_whole.then_some(WholeDays { first: first.0, end: end.0 }))
    }

    async fn has_no_clicks(&self, from: Millis, to: Millis, known: &Known) -> Result<bool, StoreError> {
        use click::Column;
        if from >= to {
            return Ok(true);
        }
        // What was there nobody knows.
        if from < known.kept_from {
            return Ok(false);
        }
        let one = click::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Id.gte(ClickId::floor(from).0))
            .filter(Column::Id.lt(ClickId::floor(to).0));
        Ok(one.into_tuple::<Uuid>().one(&self.transaction).await?.is_none())
    }

    async fn has_cells(&self, first: i64, end: i64) -> Result<bool, StoreError> {
        use rollup_cell::Column;
        let one = rollup_cell::Entity::find()
            .select_only()
            .column(Column::Quarter)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::LinkId.eq(WHOLE_WORKSPACE))
            .filter(Column::Grain.eq(Grain::Quarter.code()))
            .filter(Column::Quarter.gte(first))
            .filter(Column::Quarter.lt(end));
        Ok(one.into_tuple::<i64>().one(&self.transaction).await?.is_some())
    }
}

/// What there is to estimate from.
struct Known {
    /// The quarter from which on days have sketches.
    from: i64,
    /// Clicks from before this are not kept.
    kept_from: Millis,
    zone: TimeZone,
    /// That is asked for: only its edges may be within a day.
    range: (Millis, Millis),
}

/// Where a range that ends here or later has no last day: the year 9000.
const LAST: Millis = Millis(221_845_392_000_000);
