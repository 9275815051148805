//! Storing clicks exactly once: one transaction for a batch, everything computed only from the clicks that were
//! not there yet, as is asked under the head's lock, so that a frame delivered again changes nothing.
//!
//! Per workspace, in the order of their ids so that two workers never wait for each other in a
//! circle: lock the head row, leave out what is no longer kept and what was erased, find what is new and the first
//! clicks of visitors' days, number and insert, merge the cells, raise the head. What happens to a record that the
//! database refuses is in `failure`.

mod cells;
mod columns;
mod counted;
mod derived;
mod guard;
mod postgres;
mod rejudge;
mod sketches;
mod sqlite;
mod too_late;
mod visits;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Click, LocalDay, Millis, Quarter, Seq, WorkspaceId};
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::connect::Pools;
use crate::failure::{Failure, Parts};
use crate::rollup::Counting;
use crate::{Store, StoreError};

pub(crate) use guard::{CLOSED, hash_of_address, hash_of_click, hash_of_recipient, hash_of_visitor};
pub use rejudge::Rejudged;
pub(crate) use sketches::{FIRSTS_OF_DAY, ids_of_day, read_rows};
pub(crate) use visits::{Marks, VisitorBytes};

/// A click to be stored, with what a dead letter would need.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub workspace: WorkspaceId,
    pub click: Click,
    /// The local day on which its visitor is told from others; `None` where that is not possible any more,
    /// or the click has no visitor.
    pub day: Option<LocalDay>,
    /// The record's bytes as they were captured.
    pub record: Arc<[u8]>,
    /// The frame it came in.
    pub frame: Arc<str>,
}

/// A record that cannot be stored.
#[derive(Clone, Debug)]
pub struct Poison {
    /// The same for the same record, so that a second delivery makes no second letter.
    pub id: Uuid,
    pub frame: Arc<str>,
    /// Why, without the record's own text.
    pub reason: String,
    pub record: Vec<u8>,
    /// When it was found.
    pub at: Millis,
}

/// What one transaction added to a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingested {
    pub workspace: WorkspaceId,
    /// The head before and after.
    pub previous: Seq,
    pub head: Seq,
    /// The clicks that were new, in the order of storage.
    pub clicks: Vec<Click>,
    /// Clicks that were not stored because they, their visitor, their link or the workspace were erased.
    pub erased: u64,
}

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct IngestReport {
    pub stored: Vec<Ingested>,
    /// Clicks that were stored before.
    pub duplicates: u64,
    /// Clicks counted as too late: of a time whose clicks the workspace no longer keeps.
    pub too_late: u64,
    /// Clicks that were erased, or are of who was.
    pub erased: u64,
    /// Records that the database refuses, for the caller to set aside.
    pub poison: Vec<Poison>,
    /// Days that were counted anew from their clicks, by a quarter-hour of theirs: their counts could not be read.
    pub counted_anew: Vec<(WorkspaceId, Quarter)>,
}

/// What a head row says.
#[derive(Clone, Debug, sea_orm::FromQueryResult)]
pub(crate) struct Head {
    pub head: Seq,
    /// From when on clicks are kept.
    pub kept_from: i64,
    /// Until when erased clicks may be delivered again, Unix milliseconds; [`CLOSED`] where the workspace goes.
    pub guarded_until: i64,
    pub day_zone: String,
    pub dimensions_from: i64,
    pub folded_before: i64,
    pub next_value: i64,
    pub counted_parameters: String,
    pub sketches_from: i64,
    pub values_forgotten: i64,
}

impl Head {
    /// Its columns.
    pub const COLUMNS: &str = "head, kept_from, guarded_until, day_zone, dimensions_from, folded_before, next_value, counted_parameters, \
                               sketches_from, values_forgotten";

    pub fn kept_from(&self) -> Millis {
        Millis(self.kept_from)
    }

    /// The zone of its days. One that this program's data lacks costs only the local day.
    pub fn zone(&self) -> TimeZone {
        crate::zones::zone(&self.day_zone)
    }

    /// The quarter from which on days have sketches of visitors.
    pub fn known_visitors_from(&self) -> i64 {
        self.sketches_from.max(self.dimensions_from)
    }

    /// The first number that no value has, and how often values were forgotten.
    pub fn numbers(&self) -> (i64, i64) {
        (self.next_value, self.values_forgotten)
    }

    /// How clicks are counted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn counting(&self) -> Result<Counting, StoreError> {
        let zone = self.zone();
        let parameters = serde_json::from_str(&self.counted_parameters)
            .map_err(|_| StoreError::Internal("the parameters that are counted cannot be read".into()))?;
        Ok(Counting::new(zone, (self.dimensions_from, self.folded_before, self.known_visitors_from()), parameters))
    }
}

/// What one transaction did.
#[derive(Debug, Default)]
pub(crate) struct Part {
    stored: Vec<Ingested>,
    too_late: u64,
}

impl Store {
    /// Stores a batch. Once it returns, every record of it is stored, counted as too late, durably, or
    /// returned as poison.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer; parts of the batch may be stored, and the
    /// same batch given again completes it.
    pub async fn ingest(&self, batch: &[Incoming], now: Millis) -> Result<IngestReport, StoreError> {
        let mut report = IngestReport::default();
        let mut parts = Parts::of(batch);
        while let Some(part) = parts.next() {
            match self.ingest_once(part, now).await {
                Ok(Part { stored, too_late }) => {
                    let new: usize = stored.iter().map(|ingested| ingested.clicks.len()).sum();
                    let erased: u64 = stored.iter().map(|ingested| ingested.erased).sum();
                    report.erased += erased;
                    report.duplicates += ((part.len() - new) as u64).saturating_sub(erased + too_late);
                    report.too_late += too_late;
                    report.stored.extend(stored.into_iter().filter(|ingested| !ingested.clicks.is_empty()));
                }
                Err(Failure::Other(StoreError::Rollups { workspace, quarter })) => {
                    self.count_anew((workspace, quarter), &mut report.counted_anew).await?;
                    parts.again(part);
                }
                Err(failure) => {
                    if let Some((poison, reason)) = parts.refused(part, failure)? {
                        let (id, frame, record) = (poison.click.id.0, poison.frame.clone(), poison.record.to_vec());
                        report.poison.push(Poison { id, frame, reason, record, at: now });
                    }
                }
            }
        }
        Ok(report)
    }

    /// Counts a day anew whose counts cannot be read, so that they keep no click waiting, of this workspace or of others;
    /// once for each of `days`.
    async fn count_anew(&self, day: (WorkspaceId, Quarter), days: &mut Vec<(WorkspaceId, Quarter)>) -> Result<(), StoreError> {
        let (workspace, quarter) = day;
        let rebuilt = if days.contains(&day) { None } else { self.rebuild_rollups(workspace, quarter.start().plus(1)).await? };
        days.push(day);
        rebuilt.map(|_| ()).ok_or(StoreError::Rollups { workspace, quarter })
    }

    async fn ingest_once(&self, batch: &[Incoming], now: Millis) -> Result<Part, Failure> {
        let mut by_workspace: BTreeMap<WorkspaceId, Vec<&Incoming>> = BTreeMap::new();
        for incoming in batch {
            by_workspace.entry(incoming.workspace).or_default().push(incoming);
        }
        match &self.pools {
            Pools::Sqlite { writer, .. } => sqlite::ingest(writer, &self.values, &by_workspace, now).await,
            Pools::Postgres(pool) => postgres::ingest(pool, &self.values, &by_workspace, now).await,
        }
    }
}

/// The numbered clicks whose ids came back from the insert, and the head they lead to.
pub(crate) fn stored(workspace: WorkspaceId, previous: Seq, batch: &[&Incoming], new: &std::collections::HashSet<Uuid>) -> Ingested {
    let mut seen = std::collections::HashSet::new();
    let clicks: Vec<Click> = batch
        .iter()
        .map(|incoming| &incoming.click)
        .zip(previous + 1..)
        // The same click twice in one batch is inserted once, as its first.
        .filter(|(click, _)| new.contains(&click.id.0) && seen.insert(click.id))
        .map(|(click, seq)| Click { seq, ..click.clone() })
        .collect();
    let head = clicks.last().map_or(previous, |click| click.seq);
    Ingested { workspace, previous, head, clicks, erased: 0 }
}

/// What is left of a batch of a workspace that is not there any more.
pub(crate) fn nothing(workspace: WorkspaceId, batch: &[&Incoming]) -> Ingested {
    Ingested { workspace, previous: 0, head: 0, clicks: Vec::new(), erased: batch.len() as u64 }
}
