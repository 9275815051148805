//! Rollups: the counts of clicks in cells, one row for each piece of time of a link or of the whole workspace,
//! so that no chart scans clicks. Their forms and sizes are described in docs/rollups.md.

mod cell;
mod changes;
mod counted;
mod facts;
mod grain;
mod latency;
pub(crate) mod numbering;
mod registers;
mod room;
mod sketch;
mod values;

pub(crate) use cell::{Block, Cell, Count, Entry, OTHER, UNKNOWN};
pub(crate) use changes::{Changes, Counting, Target};
pub(crate) use counted::CountedParameter;
pub(crate) use facts::{COLUMNS, CountedRow, FIRST_PARAMETER, Facts, LINK, block_of, code_of, coded, dimension_of, facts_of};
pub(crate) use grain::{CellKey, FINE_QUARTERS, Grain, day_after, day_end, day_start, fine_start};
pub(crate) use latency::{bucket_of, middle_of};
pub(crate) use room::FullBlocks;
pub(crate) use sketch::{Met, SketchChange, SketchKey, Sketches, Union, VisitorHash};
pub(crate) use values::{Interner, Spelled, ValueCache, link_of};

use uuid::Uuid;

/// The link id of cells that count the whole workspace.
pub(crate) const WHOLE_WORKSPACE: Uuid = Uuid::nil();
