//! Which new values are given a number: those that a day's cell has a place for, of the link or of the workspace. The
//! others are counted as "(other)" everywhere, so that whoever makes up values fills cells and not a table without end.

use std::collections::{BTreeSet, HashSet};

use domain::Quarter;
use uuid::Uuid;

use super::WHOLE_WORKSPACE;
use super::cell::{Block, Cell, CellError, OTHER, most_values};
use super::changes::Counting;
use super::facts::{Facts, LINK, TEXT_BLOCKS};
use super::grain::{CellKey, Grain};
use super::values::Spelled;

/// An entry takes as many bytes at least.
const LEAST_ENTRY: usize = 2;

/// The blocks of days' cells that are full: link, day, block.
#[derive(Debug, Default)]
pub(crate) struct FullBlocks(HashSet<(Uuid, i64, Block)>);

impl FullBlocks {
    /// # Errors
    /// When a cell's bytes are of no known form.
    pub fn of_stored<'a>(cells: impl Iterator<Item = (&'a CellKey, &'a [u8])>) -> Result<Self, (CellKey, CellError)> {
        let mut full = Self::default();
        let fewest = most_values(Block::LATENCY).min(most_values(LINK)) * LEAST_ENTRY;
        for (key, bytes) in cells.filter(|((_, grain, _), bytes)| *grain == Grain::Day.code() && bytes.len() >= fewest) {
            full.note(*key, &Cell::decode(bytes).map_err(|error| (*key, error))?);
        }
        Ok(full)
    }

    pub fn of<'a>(cells: impl Iterator<Item = (&'a CellKey, &'a Cell)>) -> Self {
        let mut full = Self::default();
        cells.filter(|((_, grain, _), _)| *grain == Grain::Day.code()).for_each(|(key, cell)| full.note(*key, cell));
        full
    }

    fn note(&mut self, (link, _, day): CellKey, cell: &Cell) {
        for part in cell.entries().chunk_by(|one, next| one.block == next.block) {
            let Some(block) = part.first().map(|entry| entry.block).filter(|block| part.len() >= most_values(*block)) else { continue };
            let mut values: Vec<u64> = part.iter().map(|entry| entry.key.value()).filter(|value| *value > OTHER).collect();
            values.dedup();
            if values.len() >= most_values(block) {
                self.0.insert((link, day, block));
            }
        }
    }

    /// Of values without a number, those that are to be given one, and those that are not.
    pub fn part(&self, fresh: Vec<Spelled>, clicks: &[Facts<'_>], counting: &mut Counting) -> (Vec<Spelled>, Vec<Spelled>) {
        if self.0.is_empty() || fresh.is_empty() {
            return (fresh, Vec::new());
        }
        let fresh: BTreeSet<Spelled> = fresh.into_iter().collect();
        let mut named = BTreeSet::new();
        for facts in clicks.iter().filter(|facts| facts.is_counted) {
            let day = counting.days.start(Quarter::of(facts.at));
            let has_room = |of: Uuid, block| !self.0.contains(&(of, day, block));
            // A link's own cells do not name links.
            if has_room(WHOLE_WORKSPACE, LINK) {
                named.insert((LINK, facts.link.to_string()));
            }
            let texts = TEXT_BLOCKS.into_iter().zip(&facts.texts).filter_map(|(block, text)| Some((block, text.as_deref()?)));
            let with_room = |(block, _): &(Block, &str)| has_room(facts.link, *block) || has_room(WHOLE_WORKSPACE, *block);
            let texts = texts.chain(counting.parameters_of(facts)).filter(with_room);
            named.extend(texts.map(|(block, text)| (block, text.to_owned())));
        }
        fresh.into_iter().partition(|value| named.contains(value))
    }
}
