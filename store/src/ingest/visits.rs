//! Which clicks of a batch are the first of their visitor's day, for their link and for the workspace.
//!
//! A row of `visitor_days` says that a visitor has been met; the insert that makes it is the first's. Clicks
//! that were stored before are left out, so that one delivered again is the first of nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::Incoming;
use crate::rollup::WHOLE_WORKSPACE;

/// What a click is to its visitor's day: the bits of `clicks.first_of_day`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(pub i16);

impl Marks {
    pub const FIRST_OF_LINK: Self = Self(1);
    pub const FIRST_OF_WORKSPACE: Self = Self(2);
    /// Its visitor was told from others.
    pub const TOLD: Self = Self(4);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A row of `visitor_days`, without the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Visit<'a> {
    pub day: i32,
    /// Nil for the whole workspace.
    pub link: Uuid,
    pub visitor: &'a [u8],
}

/// The visits of one workspace's batch, in the order of the rows' key, each with its first click.
#[derive(Debug, Default)]
pub(super) struct Visits<'a> {
    firsts: BTreeMap<Visit<'a>, Uuid>,
    marks: HashMap<Uuid, Marks>,
}

impl<'a> Visits<'a> {
    pub fn of(batch: &[&'a Incoming], known: &HashSet<Uuid>) -> Self {
        let mut visits = Self::default();
        for (id, link, day, visitor) in batch.iter().filter_map(|incoming| told(incoming)).filter(|(id, ..)| !known.contains(id)) {
            visits.marks.insert(id, Marks::TOLD);
            for link in [link, WHOLE_WORKSPACE] {
                visits.firsts.entry(Visit { day, link, visitor }).or_insert(id);
            }
        }
        visits
    }

    pub fn rows(&self) -> impl Iterator<Item = &Visit<'a>> {
        self.firsts.keys()
    }

    /// Notes that this row was not there before.
    pub fn is_new(&mut self, day: i32, link: Uuid, visitor: &[u8]) {
        if let Some(marks) = self.firsts.get(&Visit { day, link, visitor }).and_then(|id| self.marks.get_mut(id)) {
            marks.insert(if link == WHOLE_WORKSPACE { Marks::FIRST_OF_WORKSPACE } else { Marks::FIRST_OF_LINK });
        }
    }

    pub fn marks(&self, id: Uuid) -> Marks {
        self.marks.get(&id).copied().unwrap_or_default()
    }
}

/// Click, link, day and visitor of a click that a visitor can be counted by.
fn told(incoming: &Incoming) -> Option<(Uuid, Uuid, i32, &[u8])> {
    let (click, day) = (&incoming.click, incoming.day?);
    let visitor = click.visitor.as_ref().filter(|_| click.outcome.is_counted())?;
    Some((click.id.0, click.link.0, day.0, visitor.key.as_bytes()))
}
