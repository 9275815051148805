//! Whether rollup cells are the counts of the clicks they were made of: a local day at a time, clicks and cells
//! read in one snapshot, so that it can be asked while clicks are stored.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ClickId, Dimension, LinkId, Millis, Quarter, Verdict};
use entity::click::{Column, Entity};
use entity::{rollup_cell as cell, visitor_sketch};
use jiff::tz::TimeZone;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::ingest::Head;
use crate::recount::Unnumbered;
use crate::rollup::{
    Block, Cell, CellKey, Count, Entry, Grain, Interner, SketchChange, Sketches, ValueCache, WHOLE_WORKSPACE, day_after, day_start,
    dimension_of,
};
use crate::{StoreError, WorkspaceScope};

/// What is counted of one verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub clicks: u64,
    /// Of these, the first of their visitor's day.
    pub firsts: u64,
    /// Of these, those whose visitor was told from others.
    pub told: u64,
}

/// How wide a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    QuarterHour,
    Hour,
    /// Of the workspace's zone.
    Day,
    /// The same; the sketch of a link's visitors, of which only `firsts` are told.
    DayOfVisitors,
}

/// What a part of a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Totals,
    /// How many redirects took how long.
    Latency,
    Dimension(Dimension),
}

/// A cell that says something else than its clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellDifference {
    /// `None` for the cell of the whole workspace.
    pub link: Option<LinkId>,
    pub piece: Piece,
    /// That the piece begins with.
    pub quarter: Quarter,
    pub measure: Measure,
    pub verdict: Verdict,
    pub cell: Counted,
    pub clicks: Counted,
}

/// A cell whose bytes mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableCell {
    /// `None` for the cell of the whole workspace.
    pub link: Option<LinkId>,
    pub piece: Piece,
    /// That the piece begins with.
    pub quarter: Quarter,
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Cells that were compared.
    pub cells: u64,
    /// In the order of links and time; the whole workspace first.
    pub differences: Vec<CellDifference>,
    /// Not among the differences.
    pub unreadable: Vec<UnreadableCell>,
}

impl WorkspaceScope {
    /// When the oldest click happened that is still kept; cells from before its quarter have none to be
    /// compared with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn first_kept(&self) -> Result<Option<Millis>, StoreError> {
        let oldest = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(self.workspace.0));
        let oldest = oldest.order_by_asc(Column::Id).into_tuple::<Uuid>().one(&self.transaction).await?;
        Ok(oldest.map(|id| ClickId(id).made_at()))
    }

    /// The last quarter of which there is a click or a cell.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_counted(&self) -> Result<Option<Quarter>, StoreError> {
        let last = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(self.workspace.0));
        let last = last.order_by_desc(Column::Id).into_tuple::<Uuid>().one(&self.transaction).await?;
        let cells = cell::Entity::find().filter(cell::Column::WorkspaceId.eq(self.workspace.0));
        let cells = cells.filter(cell::Column::LinkId.eq(WHOLE_WORKSPACE)).order_by_desc(cell::Column::Quarter);
        let cell = cells.one(&self.transaction).await?.map(|row| Quarter(row.quarter));
        Ok(last.map(|id| Quarter::of(ClickId(id).made_at())).max(cell))
    }

    /// The zone of the days that are counted.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::NotFound`].
    pub async fn day_zone(&self) -> Result<TimeZone, StoreError> {
        Ok(self.counting_head(false).await?.zone())
    }

    /// The quarter that the day after this one's begins with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_day(&self, quarter: Quarter) -> Result<Quarter, StoreError> {
        Ok(day_after(quarter, &self.counting_head(false).await?.zone()))
    }

    /// Compares the cells of the days of quarters from `first` on and before `end` with their clicks, as far as
    /// these are kept: a purge that is under way has deleted some of those before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn verify_cells(&self, first: Quarter, end: Quarter) -> Result<Verified, StoreError> {
        let head = self.counting_head(false).await?;
        let zone = head.zone();
        let kept_from = Quarter::of(self.forgotten().await?.kept_from);
        let mut day = day_start(first.start(), &zone);
        let mut verified = Verified::default();
        // What this process remembers is not needed for a look from outside.
        let mut values = Interner::new(&ValueCache::default(), self.workspace, head.numbers());
        while day < end {
            let next = day_after(day, &zone);
            // Days that are purged in part have whole cells.
            if next > kept_from {
                let part = (day.max(kept_from), next);
                let mut found = self.recount(&head, &mut values, Unnumbered::Ignore, part).await?;
                let stored = self.stored(part, &head, &mut verified).await?;
                // What cannot be read is told of once.
                for unreadable in &verified.unreadable {
                    found.cells.remove(&unreadable.key());
                }
                compare(&stored, &found.cells, &mut verified);
                // Of a part of a day there is no sketch.
                if part.0 == day && day.0 >= head.known_visitors_from() {
                    compare_sketches(&self.stored_sketches(part).await?, &found.sketches, &mut verified);
                }
            }
            day = next;
        }
        Ok(verified)
    }

    async fn stored_sketches(&self, (first, end): (Quarter, Quarter)) -> Result<BTreeMap<(Uuid, i64), Sketches>, StoreError> {
        use visitor_sketch::Column;
        let rows = visitor_sketch::Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Quarter.gte(first.0))
            .filter(Column::Quarter.lt(end.0))
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(|row| Ok(((row.link_id, row.quarter), Sketches::decode(&row.body)?))).collect()
    }

    /// Those that can be read. Fine ones of a folded time mean nothing any more, and may not have been deleted yet; nor
    /// do parameters that are counted no more.
    async fn stored(
        &self,
        (first, end): (Quarter, Quarter),
        head: &Head,
        verified: &mut Verified,
    ) -> Result<BTreeMap<CellKey, Cell>, StoreError> {
        let counting = head.counting()?;
        let rows = cell::Entity::find()
            .filter(cell::Column::WorkspaceId.eq(self.workspace.0))
            .filter(cell::Column::Quarter.gte(first.0))
            .filter(cell::Column::Quarter.lt(end.0))
            .filter(Condition::any().add(cell::Column::Grain.ne(Grain::Fine.code())).add(cell::Column::Quarter.gte(head.folded_before)))
            .order_by_asc(cell::Column::LinkId)
            .order_by_asc(cell::Column::Quarter)
            .all(&self.transaction)
            .await?;
        let mut cells = BTreeMap::new();
        for row in rows {
            if let Ok(mut cell) = Cell::decode(&row.body) {
                cell.retain(|block| counting.knows(block));
                cells.insert((row.link_id, row.grain, row.quarter), cell);
            } else {
                let quarter = Quarter(row.quarter);
                verified.cells += 1;
                verified.unreadable.push(UnreadableCell { link: named(row.link_id), piece: Piece::of(row.grain), quarter });
            }
        }
        Ok(cells)
    }
}

impl UnreadableCell {
    fn key(&self) -> CellKey {
        let grain = match self.piece {
            Piece::QuarterHour => Grain::Quarter,
            Piece::Hour => Grain::Fine,
            Piece::Day | Piece::DayOfVisitors => Grain::Day,
        };
        (self.link.map_or(WHOLE_WORKSPACE, |link| link.0), grain.code(), self.quarter.0)
    }
}

impl Piece {
    fn of(grain: i16) -> Self {
        match Grain::from_code(grain) {
            Some(Grain::Day) => Self::Day,
            Some(Grain::Fine) => Self::Hour,
            _ => Self::QuarterHour,
        }
    }
}

/// No link is the whole workspace.
fn named(link: Uuid) -> Option<LinkId> {
    (link != WHOLE_WORKSPACE).then_some(LinkId(link))
}

fn compare(stored: &BTreeMap<CellKey, Cell>, counted: &BTreeMap<CellKey, Cell>, verified: &mut Verified) {
    let keys: BTreeSet<&CellKey> = stored.keys().chain(counted.keys()).collect();
    verified.cells += keys.len() as u64;
    let none = Cell::default();
    for key in keys {
        let (cell, clicks) = (stored.get(key).unwrap_or(&none), counted.get(key).unwrap_or(&none));
        if cell != clicks {
            verified.differences.extend(differing(*key, cell, clicks));
        }
    }
}

/// Sketches of few visitors are exact; others are within three standard errors of how many there were, unless they
/// are what their clicks give.
fn compare_sketches(stored: &BTreeMap<(Uuid, i64), Sketches>, counted: &BTreeMap<(Uuid, i64), SketchChange>, verified: &mut Verified) {
    let keys: BTreeSet<&(Uuid, i64)> = stored.keys().chain(counted.keys()).collect();
    verified.cells += keys.len() as u64;
    for key in keys {
        let (sketches, met) = (stored.get(key).cloned().unwrap_or_default(), counted.get(key).map(|change| change.added.as_slice()));
        let met = met.unwrap_or_default();
        let wanted = Sketches::of(met.iter().copied());
        for verdict in Verdict::ALL.iter().filter(|_| sketches != wanted) {
            let visitors = met.iter().filter(|(code, _)| *code == verdict.code()).collect::<BTreeSet<_>>().len() as u64;
            if !sketches.agrees(&wanted, *verdict, visitors) {
                let firsts = |firsts| Counted { firsts, ..Counted::default() };
                verified.differences.push(CellDifference {
                    link: Some(LinkId(key.0)),
                    piece: Piece::DayOfVisitors,
                    quarter: Quarter(key.1),
                    measure: Measure::Totals,
                    verdict: *verdict,
                    cell: firsts(sketches.estimate(*verdict)),
                    clicks: firsts(visitors),
                });
            }
        }
    }
}

fn differing((link, grain, quarter): CellKey, cell: &Cell, clicks: &Cell) -> Vec<CellDifference> {
    let piece = Piece::of(grain);
    let blocks: BTreeSet<Block> = cell.entries().iter().chain(clicks.entries()).map(|entry| entry.block).collect();
    let mut differences = Vec::new();
    for block in blocks {
        // Which values a full block names depends on which came first: only their sums are the same.
        let by_value = !(cell.is_capped(block) || clicks.is_capped(block));
        let (cell, clicks) = (summed(cell.block(block), by_value), summed(clicks.block(block), by_value));
        let keys: BTreeSet<_> = cell.keys().chain(clicks.keys()).collect();
        let of = |counts: &BTreeMap<(u64, i16), Count>, key| counts.get(key).copied().unwrap_or_default();
        differences.extend(keys.into_iter().filter(|key| of(&cell, key) != of(&clicks, key)).filter_map(|key| {
            Some(CellDifference {
                link: named(link),
                piece,
                quarter: Quarter(quarter),
                measure: measure_of(block),
                verdict: Verdict::from_code(key.1)?,
                cell: counted(of(&cell, key)),
                clicks: counted(of(&clicks, key)),
            })
        }));
    }
    differences
}

fn measure_of(block: Block) -> Measure {
    match dimension_of(block) {
        Some(dimension) => Measure::Dimension(dimension),
        None if block == Block::LATENCY => Measure::Latency,
        None => Measure::Totals,
    }
}

fn counted(count: Count) -> Counted {
    Counted { clicks: count.clicks.unsigned_abs(), firsts: count.firsts.unsigned_abs(), told: count.told.unsigned_abs() }
}

fn summed(entries: &[Entry], by_value: bool) -> BTreeMap<(u64, i16), Count> {
    let mut sums: BTreeMap<(u64, i16), Count> = BTreeMap::new();
    for entry in entries {
        let Some(verdict) = entry.key.verdict() else { continue };
        sums.entry((if by_value { entry.key.value() } else { 0 }, verdict.code())).or_default().add(entry.count);
    }
    sums
}
