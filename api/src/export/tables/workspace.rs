//! The workspace itself: its settings, its members, its hosts, and what its programs may do.

use domain::{AttributionDays, CustomDomain, DomainStatus, Millis, RecipientParameter, WorkspacePolicy};
use store::{ApiKey, Member, ParameterCounted, Workspace};

use super::{Table, at, columns};

pub(in crate::export) const DOMAINS: Table<CustomDomain> = Table {
    name: "domains",
    about: "hosts of the workspace's own",
    columns: columns! { CustomDomain;
        "id", "the domain's id", |d| d.id.to_string().into();
        "host", "its name", |d| d.host.as_str().into();
        "status", "whether the proof that it is yours was found", |d| status(d.status).into();
        "settings", "what it serves beside links", |d| serde_json::to_value(&d.settings).unwrap_or_default();
        "createdAt", "when it was added", |d| at(d.created_at);
        "verifiedAt", "since when it serves links", |d| at(d.verified_at);
        "checkedAt", "when the proof was last looked for", |d| at(d.checked_at);
    },
};

fn status(status: DomainStatus) -> &'static str {
    match status {
        DomainStatus::Verified => "VERIFIED",
        DomainStatus::Suspended => "SUSPENDED",
        DomainStatus::Failed => "FAILED",
        DomainStatus::Pending => "PENDING",
    }
}

pub(in crate::export) const MEMBERS: Table<Member> = Table {
    name: "members",
    about: "people who may sign in to the workspace",
    columns: columns! { Member;
        "id", "the user's id", |m| m.user.to_string().into();
        "email", "the address they sign in with", |m| m.email.clone().into();
        "role", "what they may do", |m| format!("{:?}", m.role).to_uppercase().into();
        "since", "when they joined", |m| at(m.since);
    },
};

/// What is known of a key, without anything that it could be used or guessed by.
pub(in crate::export) const API_KEYS: Table<ApiKey> = Table {
    name: "api_keys",
    about: "keys of programs, without the keys themselves; revoked ones for a month",
    columns: columns! { ApiKey;
        "id", "the key's id", |k| k.id.to_string().into();
        "name", "what you called it", |k| k.name.clone().into();
        "scopes", "what it may do, a list", |k| k.scopes.iter().map(|scope| scope.name()).collect();
        "networks", "from where only, a list; empty: from anywhere", |k| k.networks.iter().map(ToString::to_string).collect();
        "createdAt", "when it was made", |k| at(k.created_at);
        "expiresAt", "from when on it is good for nothing", |k| at(k.expires_at);
        "lastUsedAt", "when it was last used, to the minute", |k| at(k.last_used_at);
        "revokedAt", "since when it is revoked", |k| at(k.revoked_at);
    },
};

/// A workspace and what it decided.
pub(in crate::export) struct Settings {
    pub workspace: Workspace,
    pub policy: WorkspacePolicy,
    /// When it is to be deleted.
    pub deletion_at: Option<Millis>,
    pub attribution_days: AttributionDays,
    pub recipient_parameter: Option<RecipientParameter>,
    pub counted_parameters: Vec<ParameterCounted>,
}

pub(in crate::export) const SETTINGS: Table<Settings> = Table {
    name: "settings",
    about: "the workspace itself, one row",
    columns: columns! { Settings;
        "id", "the workspace's id", |s| s.workspace.id.to_string().into();
        "name", "its name", |s| s.workspace.name.clone().into();
        "slug", "its name in addresses", |s| s.workspace.slug.clone().into();
        "timeZone", "the zone of its days", |s| s.workspace.time_zone.clone().into();
        "createdAt", "when it was made", |s| at(s.workspace.created_at);
        "referrerPolicy", "what targets are told of the short URL", |s| s.policy.referrer_policy.map(|policy| policy.as_str()).into();
        "deletionAt", "when it is to be deleted, if that was asked for", |s| at(s.deletion_at);
        "attributionDays", "for how long after a click a conversion is taken", |s| s.attribution_days.get().into();
        "recipientParameter", "the parameter that says to whom a link was sent", |s| s.recipient_parameter.as_ref().map(RecipientParameter::as_str).into();
        "countedParameters", "the parameters whose values are counted, a list", |s| s.counted_parameters.iter().map(|counted| counted.key.clone()).collect();
        "privacy", "what is kept of visitors, and for how long", |s| serde_json::to_value(&s.policy.privacy).unwrap_or_default();
    },
};
