//! What clicks change in cells and link statistics: new ones, those that are judged or read again, those that go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{Quarter, WorkspaceId};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::WHOLE_WORKSPACE;
use super::cell::{Block, Cell, Count, Entry, Key, OTHER, UNKNOWN};
use super::counted::CountedParameter;
use super::facts::{FIRST_PARAMETER, Facts, LINK, TEXT_BLOCKS};
use super::grain::{CellKey, Days, Grain};
use super::latency::bucket_of;
use super::sketch::{Met, SketchChange, SketchKey, VisitorHash};
use super::values::Interner;
use crate::StoreError;
use crate::ingest::Marks;

/// How a workspace's clicks are counted.
#[derive(Debug)]
pub(crate) struct Counting {
    pub days: Days,
    /// The quarter from which on there are dimensions and latency in cells.
    pub dimensions_from: i64,
    /// The quarter before which dimensions are in days only.
    pub folded_before: i64,
    pub parameters: Vec<CountedParameter>,
    /// The quarter from which on visitors are sketched.
    pub sketches_from: i64,
}

impl Counting {
    pub fn new(
        zone: TimeZone,
        (dimensions_from, folded_before, sketches_from): (i64, i64, i64),
        parameters: Vec<CountedParameter>,
    ) -> Self {
        Self { days: Days::of(zone), dimensions_from, folded_before, parameters, sketches_from }
    }

    /// Whether anybody reads or counts the block: those of parameters that are counted no more are left as they were.
    pub fn knows(&self, block: Block) -> bool {
        block.0 < FIRST_PARAMETER || self.parameters.iter().any(|counted| counted.block == block.0 && counted.is_read())
    }

    /// The link's day that a first click is to be sketched on, and its visitor.
    fn sketched(&mut self, facts: &Facts<'_>) -> Option<(SketchKey, VisitorHash)> {
        let day = self.days.start(Quarter::of(facts.at));
        let visitor = facts.visitor.filter(|_| day >= self.sketches_from)?;
        Some(((facts.link, day), VisitorHash::of(visitor, day)))
    }

    /// The sketches that the first of these clicks are in.
    pub fn sketches_of(&mut self, clicks: &[Facts<'_>]) -> Vec<SketchKey> {
        let told = clicks.iter().filter(|facts| facts.is_counted);
        let keys: BTreeSet<SketchKey> = told.filter_map(|facts| Some(self.sketched(facts)?.0)).collect();
        keys.into_iter().collect()
    }

    /// The cells that count these clicks.
    pub fn cells_of(&mut self, clicks: &[Facts<'_>]) -> Vec<CellKey> {
        let mut pieces: Vec<(Uuid, i64)> =
            clicks.iter().filter(|facts| facts.is_counted).map(|facts| (facts.link, Quarter::of(facts.at).0)).collect();
        pieces.sort_unstable();
        pieces.dedup();
        let mut cells = BTreeSet::new();
        for (link, quarter) in pieces {
            for (grain, piece) in self.pieces(Quarter(quarter)) {
                cells.extend([link, WHOLE_WORKSPACE].map(|of| (of, grain.code(), piece)));
            }
        }
        cells.into_iter().collect()
    }

    /// The pieces of time that a quarter's clicks are counted in.
    fn pieces(&mut self, quarter: Quarter) -> impl Iterator<Item = (Grain, i64)> + use<> {
        let has_dimensions = quarter.0 >= self.dimensions_from;
        let pieces = Grain::ALL.map(|grain| (grain, self.days.piece(grain, quarter)));
        let folded_before = self.folded_before;
        pieces.into_iter().filter(move |(grain, piece)| match grain {
            Grain::Quarter => true,
            Grain::Fine => has_dimensions && *piece >= folded_before,
            Grain::Day => has_dimensions,
        })
    }

    /// The values of parameters that are counted, each with its block.
    pub fn parameters_of<'a>(&'a self, facts: &'a Facts<'_>) -> impl Iterator<Item = (Block, &'a str)> {
        let quarter = Quarter::of(facts.at).0;
        let counted = self.parameters.iter().filter(move |counted| counted.counts(quarter));
        counted.flat_map(|counted| {
            let own = facts.parameters.iter().filter(|parameter| parameter.key == counted.key);
            own.map(|parameter| (Block(counted.block), parameter.value.as_str()))
        })
    }
}

/// What changes in one workspace, in key order.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By cell: what is added to it, and once it was merged with what is stored, the whole.
    pub cells: BTreeMap<CellKey, Cell>,
    /// By link: counted clicks, time of the last one.
    pub links: BTreeMap<Uuid, (i64, i64)>,
    /// What changes in sketches of visitors.
    pub sketches: BTreeMap<SketchKey, SketchChange>,
}

impl Changes {
    /// Adds what other clicks change, before either is merged with what is stored.
    pub fn add(&mut self, other: Self) {
        for (key, cell) in other.cells {
            let known = self.cells.entry(key).or_default();
            let entries = std::mem::take(known).into_entries().into_iter().chain(cell.into_entries());
            *known = Cell::sum(entries.collect());
        }
        for (link, (clicks, last)) in other.links {
            let known = self.links.entry(link).or_insert((0, last));
            *known = (known.0 + clicks, known.1.max(last));
        }
        for (day, change) in other.sketches {
            let known = self.sketches.entry(day).or_default();
            known.added.extend(change.added);
            known.taken.extend(change.taken);
        }
    }

    /// Merges the cells as stored into their changes; a cell that is not among them is not there yet.
    ///
    /// # Errors
    /// When stored bytes are of no known form, or hold less than is taken out.
    pub fn merge(&mut self, workspace: WorkspaceId, stored: Vec<(CellKey, Vec<u8>)>) -> Result<(), StoreError> {
        let mut stored: HashMap<CellKey, Vec<u8>> = stored.into_iter().collect();
        for (key @ (.., quarter), cell) in &mut self.cells {
            let whole = stored.remove(key).map_or_else(|| Ok(Cell::default()), |bytes| Cell::decode(&bytes));
            let merged = whole.and_then(|mut whole| whole.apply(cell).map(|()| whole));
            *cell = merged.map_err(|_| StoreError::Rollups { workspace, quarter: Quarter(*quarter) })?;
        }
        Ok(())
    }
}

/// Entries that are not added up yet, and how many those were when they were last.
#[derive(Debug, Default)]
struct Pending {
    entries: Vec<Entry>,
    summed: usize,
}

impl Pending {
    /// So that many clicks of one cell take little more room than what they add up to.
    fn sum_if_many(&mut self) {
        if self.entries.len() > MOST_PENDING.max(self.summed * 2) {
            self.entries = Cell::sum(std::mem::take(&mut self.entries)).into_entries();
            self.summed = self.entries.len();
        }
    }
}

const MOST_PENDING: usize = 50_000;

/// Adds up what clicks change.
pub(crate) struct Target<'a> {
    counting: &'a mut Counting,
    values: &'a Interner,
    cells: HashMap<CellKey, Pending>,
    links: BTreeMap<Uuid, (i64, i64)>,
    sketches: BTreeMap<SketchKey, SketchChange>,
    /// Of one click: blocks and value ids of its dimensions.
    dimensions: Vec<(Block, u64)>,
}

impl<'a> Target<'a> {
    pub fn new(counting: &'a mut Counting, values: &'a Interner) -> Self {
        Self { counting, values, cells: HashMap::new(), links: BTreeMap::new(), sketches: BTreeMap::new(), dimensions: Vec::new() }
    }

    /// # Errors
    /// When a value has no number.
    pub fn add(&mut self, facts: &Facts<'_>) -> Result<(), StoreError> {
        if facts.is_counted {
            self.change(facts, |mark| count(facts.marks, mark))?;
            self.sketch(facts, facts.marks, |change| &mut change.added);
            let (clicks, last) = self.links.entry(facts.link).or_insert((0, facts.at.0));
            *clicks += 1;
            *last = facts.at.0.max(*last);
        }
        Ok(())
    }

    /// A click that was counted as this.
    ///
    /// # Errors
    /// When a value has no number.
    pub fn take(&mut self, facts: &Facts<'_>) -> Result<(), StoreError> {
        if facts.is_counted {
            self.change(facts, |mark| count(facts.marks, mark).minus())?;
            self.sketch(facts, facts.marks, |change| &mut change.taken);
        }
        Ok(())
    }

    /// A click that is the first of its visitor's day now.
    ///
    /// # Errors
    /// When a value has no number.
    pub fn promote(&mut self, facts: &Facts<'_>, gained: Marks) -> Result<(), StoreError> {
        self.change(facts, |mark| Count { clicks: 0, told: 0, ..count(gained, mark) })?;
        self.sketch(facts, gained, |change| &mut change.added);
        Ok(())
    }

    pub fn finish(self) -> Changes {
        let cells = self.cells.into_iter().map(|(key, pending)| (key, Cell::sum(pending.entries))).filter(|(_, cell)| !cell.is_empty());
        let mut sketches = self.sketches;
        sketches.values_mut().for_each(SketchChange::settle);
        sketches.retain(|_, change| !change.is_nothing());
        Changes { cells: cells.collect(), links: self.links, sketches }
    }

    /// A visitor is in the sketch of the first click's verdict.
    fn sketch(&mut self, facts: &Facts<'_>, marks: Marks, of: impl FnOnce(&mut SketchChange) -> &mut Vec<Met>) {
        if marks.has(Marks::FIRST_OF_LINK)
            && let Some((day, visitor)) = self.counting.sketched(facts)
        {
            of(self.sketches.entry(day).or_default()).push((facts.verdict, visitor));
        }
    }

    fn change(&mut self, facts: &Facts<'_>, count: impl Fn(Marks) -> Count) -> Result<(), StoreError> {
        let quarter = Quarter::of(facts.at);
        let has_dimensions = quarter.0 >= self.counting.dimensions_from;
        self.dimensions.clear();
        if has_dimensions {
            self.find_dimensions(facts)?;
        }
        let latency = bucket_of(facts.micros) + OTHER + 1;
        for (grain, piece) in self.counting.pieces(quarter) {
            let (dimensions, times) = match grain {
                Grain::Quarter => (false, has_dimensions),
                Grain::Fine => (true, false),
                Grain::Day => (true, true),
            };
            for (of, mark) in [(facts.link, Marks::FIRST_OF_LINK), (WHOLE_WORKSPACE, Marks::FIRST_OF_WORKSPACE)] {
                let count = count(mark);
                let pending = self.cells.entry((of, grain.code(), piece)).or_default();
                let entries = &mut pending.entries;
                entries.push(Entry { block: Block::TOTALS, key: Key::new(UNKNOWN, facts.verdict), count });
                if times {
                    // Nobody asks whose first click was how fast.
                    let count = Count { clicks: count.clicks, firsts: 0, told: count.clicks };
                    entries.push(Entry { block: Block::LATENCY, key: Key::new(latency, facts.verdict), count });
                }
                if dimensions {
                    let own = self.dimensions.iter().filter(|(block, _)| *block != LINK || of == WHOLE_WORKSPACE);
                    let entry = |(block, value): &(Block, u64)| Entry { block: *block, key: Key::new(*value, facts.verdict), count };
                    entries.extend(own.map(entry));
                }
                pending.sum_if_many();
            }
        }
        Ok(())
    }

    fn find_dimensions(&mut self, facts: &Facts<'_>) -> Result<(), StoreError> {
        let unnumbered = || StoreError::Internal("a value of a click has no number".into());
        for (block, text) in TEXT_BLOCKS.into_iter().zip(&facts.texts) {
            if let Some(text) = text {
                self.dimensions.push((block, self.values.text(block, text).ok_or_else(unnumbered)?));
            }
        }
        self.dimensions.extend(facts.codes());
        self.dimensions.push((LINK, self.values.link(facts.link).ok_or_else(unnumbered)?));
        // A click with several values of a parameter is in none of them, so that values add up to clicks.
        let mut parameters: BTreeMap<Block, Option<u64>> = BTreeMap::new();
        for (block, text) in self.counting.parameters_of(facts) {
            let id = self.values.text(block, text).ok_or_else(unnumbered)?;
            parameters.entry(block).and_modify(|known| *known = known.filter(|known| *known == id)).or_insert(Some(id));
        }
        self.dimensions.extend(parameters.into_iter().map(|(block, id)| (block, id.unwrap_or(OTHER))));
        Ok(())
    }
}

fn count(marks: Marks, first: Marks) -> Count {
    Count { clicks: 1, firsts: marks.has(first).into(), told: marks.has(Marks::TOLD).into() }
}
