//! What is written down of what was done in a workspace.

use serde_json::Value;

use crate::{ApiKeyId, AuditId, UserId};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    /// The program itself, by what the workspace decided.
    System,
    User(UserId),
    Key(ApiKeyId),
}

/// One entry; when it was is in its id.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub id: AuditId,
    pub actor: AuditActor,
    /// What was done, as `thing.done`; stable, for programs.
    pub action: String,
    /// An object of what is to be known of it; nothing that names a visitor.
    pub details: Value,
}

impl AuditEntry {
    /// Clicks were deleted because their time was over: `{clicks, before}`.
    pub const CLICKS_PURGED: &str = "clicks.purged";
    /// Addresses were taken out of clicks: `{addresses, before}`.
    pub const ADDRESSES_REMOVED: &str = "addresses.removed";
    /// Ids that visitors consented to were taken out of clicks: `{clicks, before}`.
    pub const VISITORS_REMOVED: &str = "visitors.removed";
    /// What is kept of visitors, and for how long, was changed: `{level, retention, changed: {name: {from, to}}}`.
    pub const PRIVACY_CHANGED: &str = "privacy.changed";
    /// The parameter that tells recipients was changed: `{from, to}`, null for none.
    pub const RECIPIENT_PARAMETER_CHANGED: &str = "recipient_parameter.changed";
    /// The parameters whose values are counted were changed: `{from, to}`, their names.
    pub const COUNTED_PARAMETERS_CHANGED: &str = "counted_parameters.changed";
    /// Clicks of a visitor were erased, be it that some are yet to go, and a recipient was taken off so many
    /// lists: `{clicks, complete, lists}`.
    pub const VISITOR_ERASED: &str = "visitor.erased";
    /// Those of a link: `{link, clicks, complete}`.
    pub const HISTORY_DELETED: &str = "link.history_deleted";
    /// The workspace was asked to be deleted: `{at}`.
    pub const DELETION_ASKED: &str = "workspace.deletion_asked";
    /// That was taken back.
    pub const DELETION_TAKEN_BACK: &str = "workspace.deletion_taken_back";
    /// Clicks were exported: `{format}`.
    pub const CLICKS_EXPORTED: &str = "clicks.exported";
    /// Everything was exported.
    pub const EXPORTED: &str = "workspace.exported";
}
