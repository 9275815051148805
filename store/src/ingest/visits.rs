//! Which clicks of a batch are the first of their visitor's day, for their link and for the workspace.
//!
//! A row of `visitor_days` says that a visitor has been met on a link; whoever has none on any link was not met in the
//! workspace. Clicks that were stored before are left out, so that one delivered again is the first of nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::Incoming;

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

/// Who it was, as `visitor_days` has it: the sixteen bytes of a day's key, or the text of an id that was consented to.
/// No two have the same bytes, since a key is as random as its salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum VisitorBytes<'a> {
    Key([u8; 16]),
    Given(&'a str),
}

impl<'a> VisitorBytes<'a> {
    pub fn of(visitor: &'a str) -> Self {
        let is_hex = visitor.len() == 32 && visitor.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u128::from_str_radix(visitor, 16) {
            Ok(key) if is_hex => Self::Key(key.to_be_bytes()),
            _ => Self::Given(visitor),
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Key(key) => key,
            Self::Given(text) => text.as_bytes(),
        }
    }
}

/// A row of `visitor_days`, without the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Visit<'a> {
    pub day: i32,
    pub visitor: VisitorBytes<'a>,
    pub link: Uuid,
}

/// Where a visit's visitor was met before on its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// On other links only.
    Elsewhere,
    OnTheLink,
}

/// The visits of one workspace's batch, in the order of the rows' key, each with its first click.
#[derive(Debug, Default)]
pub(super) struct Visits<'a> {
    firsts: BTreeMap<Visit<'a>, Uuid>,
    /// By day and visitor, the first on any link.
    firsts_of_all: HashMap<(i32, VisitorBytes<'a>), Uuid>,
    marks: HashMap<Uuid, Marks>,
}

impl<'a> Visits<'a> {
    pub fn of(batch: &[&'a Incoming], known: &HashSet<Uuid>) -> Self {
        let mut visits = Self::default();
        for (id, visit) in batch.iter().filter_map(|incoming| told(incoming)).filter(|(id, _)| !known.contains(id)) {
            visits.marks.insert(id, Marks::TOLD);
            visits.firsts.entry(visit).or_insert(id);
            visits.firsts_of_all.entry((visit.day, visit.visitor)).or_insert(id);
        }
        visits
    }

    pub fn rows(&self) -> impl Iterator<Item = &Visit<'a>> {
        self.firsts.keys()
    }

    /// Marks the clicks that are the first, by what is stored; the rows that are to be added to it.
    pub fn mark(&mut self, met: &HashMap<Visit<'a>, Before>) -> Vec<Visit<'a>> {
        for (visit, first) in &self.firsts {
            let marks = self.marks.entry(*first).or_default();
            if met.get(visit) != Some(&Before::OnTheLink) {
                marks.insert(Marks::FIRST_OF_LINK);
            }
            if !met.contains_key(visit) && self.firsts_of_all.get(&(visit.day, visit.visitor)) == Some(first) {
                marks.insert(Marks::FIRST_OF_WORKSPACE);
            }
        }
        self.rows().filter(|visit| met.get(*visit) != Some(&Before::OnTheLink)).copied().collect()
    }

    pub fn marks(&self, id: Uuid) -> Marks {
        self.marks.get(&id).copied().unwrap_or_default()
    }
}

/// A click that a visitor can be counted by, and its visit.
fn told(incoming: &Incoming) -> Option<(Uuid, Visit<'_>)> {
    let (click, day) = (&incoming.click, incoming.day?);
    let visitor = click.visitor.as_ref().filter(|_| click.outcome.is_counted())?;
    Some((click.id.0, Visit { day: day.0, visitor: VisitorBytes::of(&visitor.key), link: click.link.0 }))
}
