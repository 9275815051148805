//! Who the clicks of a batch are of, where that may be told: between the settings of their workspaces and
//! their storing.

use std::collections::{BTreeMap, HashMap};

use domain::{CapturedClick, DaySalt, LocalDay, Millis, VisitorKey, WorkspaceId};
use enrich::{may_tell_visitors_apart, visitor};
use store::{IngestSettings, StoreError};

use crate::salts::Salts;

/// The salts of a batch's days.
#[derive(Debug)]
pub(crate) struct BatchSalts(HashMap<(WorkspaceId, LocalDay), Option<DaySalt>>);

impl BatchSalts {
    /// # Errors
    /// When the database does not answer.
    pub async fn of<'a>(
        clicks: impl Iterator<Item = &'a CapturedClick>,
        settings: &BTreeMap<WorkspaceId, IngestSettings>,
        salts: &Salts,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let mut found = HashMap::new();
        for click in clicks {
            let Some(IngestSettings { zone, privacy }) = settings.get(&click.workspace) else { continue };
            let day = LocalDay::of(click.id.made_at(), zone);
            if may_tell_visitors_apart(click, privacy) && !found.contains_key(&(click.workspace, day)) {
                found.insert((click.workspace, day), salts.of(click.workspace, day, zone, now).await?);
            }
        }
        Ok(Self(found))
    }

    /// Who it is of, and the day on which that is counted, if it still is.
    pub fn visitor(&self, click: &CapturedClick, settings: Option<&IngestSettings>) -> (Option<VisitorKey>, Option<LocalDay>) {
        let Some(IngestSettings { zone, privacy }) = settings else { return (None, None) };
        if !may_tell_visitors_apart(click, privacy) {
            return (None, None);
        }
        let day = LocalDay::of(click.id.made_at(), zone);
        let salt = self.0.get(&(click.workspace, day)).copied().flatten();
        let visitor = visitor(click, salt.as_ref());
        let day = visitor.as_ref().and(salt).map(|_| day);
        (visitor, day)
    }
}
