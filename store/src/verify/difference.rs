//! What cells say beside what their clicks say.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Dimension, LinkId, Quarter, Verdict};
use uuid::Uuid;

use super::Verified;
use crate::rollup::{Block, Cell, CellKey, Count, Entry, Grain, SketchChange, SketchKey, Sketches, WHOLE_WORKSPACE, dimension_of};

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

impl UnreadableCell {
    pub(super) fn key(&self) -> CellKey {
        let grain = match self.piece {
            Piece::QuarterHour => Grain::Quarter,
            Piece::Hour => Grain::Fine,
            Piece::Day | Piece::DayOfVisitors => Grain::Day,
        };
        (self.link.map_or(WHOLE_WORKSPACE, |link| link.0), grain.code(), self.quarter.0)
    }
}

impl Piece {
    pub(super) fn of(grain: i16) -> Self {
        match Grain::from_code(grain) {
            Some(Grain::Day) => Self::Day,
            Some(Grain::Fine) => Self::Hour,
            _ => Self::QuarterHour,
        }
    }
}

/// No link is the whole workspace.
pub(super) fn named(link: Uuid) -> Option<LinkId> {
    (link != WHOLE_WORKSPACE).then_some(LinkId(link))
}

pub(super) fn compare(stored: &BTreeMap<CellKey, Cell>, counted: &BTreeMap<CellKey, Cell>, verified: &mut Verified) {
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
pub(super) fn compare_sketches(
    stored: &BTreeMap<SketchKey, Sketches>,
    counted: &BTreeMap<SketchKey, SketchChange>,
    verified: &mut Verified,
) {
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
