//! What was done in the workspace, what was noted beside its counts, what visitors said of its links, and whom these
//! were sent to.

use domain::{Annotation, AnnotationKind, AuditActor, AuditEntry, LinkReport, RecipientListId};
use serde_json::Value;

use super::{Table, at, columns};

pub(in crate::export) const AUDIT_LOG: Table<AuditEntry> = Table {
    name: "audit_log",
    about: "what was done in the workspace, newest first",
    columns: columns! { AuditEntry;
        "id", "the entry's id", |e| e.id.to_string().into();
        "at", "when it was done", |e| at(e.id.made_at());
        "actorKind", "who did it: SYSTEM (the program, by what you decided), USER or KEY", |e| actor(e.actor).0.into();
        "actorId", "the user's or the key's id", |e| actor(e.actor).1;
        "action", "what was done", |e| e.action.clone().into();
        "details", "what is to be known of it, an object", |e| e.details.clone();
    },
};

fn actor(actor: AuditActor) -> (&'static str, Value) {
    match actor {
        AuditActor::System => ("SYSTEM", Value::Null),
        AuditActor::User(user) => ("USER", user.to_string().into()),
        AuditActor::Key(key) => ("KEY", key.to_string().into()),
    }
}

pub(in crate::export) const LINK_REPORTS: Table<LinkReport> = Table {
    name: "link_reports",
    about: "what visitors said is wrong with a link, oldest first; nothing is known of who they were",
    columns: columns! { LinkReport;
        "id", "the report's id", |r| r.id.to_string().into();
        "createdAt", "when it came", |r| at(r.id.made_at());
        "linkId", "the link, see links", |r| r.link.to_string().into();
        "reason", "what is wrong with it", |r| r.reason.as_str().to_uppercase().into();
        "text", "in the visitor's words", |r| r.text.clone().into();
        "resolvedAt", "since when you are done with it", |r| at(r.resolved_at);
    },
};

pub(in crate::export) const ANNOTATIONS: Table<Annotation> = Table {
    name: "annotations",
    about: "what happened at an instant, in members' words or noted by the program",
    columns: columns! { Annotation;
        "id", "the annotation's id", |a| a.id.to_string().into();
        "at", "when it happened", |a| at(a.at);
        "until", "the first instant no longer meant; none for a moment", |a| at(a.until);
        "kind", "NOTE (a member's own), LINK_CHANGED, RECLASSIFIED or ALERT", |a| kind(a.kind).into();
        "text", "what happened", |a| a.text.clone().into();
        "linkId", "the link that it is about, see links; none for the whole workspace", |a| a.link.map(|link| link.to_string()).into();
        "authorId", "the user who wrote it, see members; none for what noted itself", |a| a.author.map(|user| user.to_string()).into();
        "createdAt", "when it was written", |a| at(a.created_at);
    },
};

fn kind(kind: AnnotationKind) -> &'static str {
    match kind {
        AnnotationKind::Note => "NOTE",
        AnnotationKind::LinkChanged => "LINK_CHANGED",
        AnnotationKind::Reclassified => "RECLASSIFIED",
        AnnotationKind::Alert => "ALERT",
    }
}

/// Somebody on a list of recipients.
pub(in crate::export) struct RecipientRow {
    pub list: RecipientListId,
    pub list_name: String,
    pub recipient: String,
}

pub(in crate::export) const RECIPIENTS: Table<RecipientRow> = Table {
    name: "recipients",
    about: "who is on lists of recipients, by list and id",
    columns: columns! { RecipientRow;
        "listId", "the list's id", |r| r.list.to_string().into();
        "listName", "what the list is called", |r| r.list_name.clone().into();
        "recipient", "the recipient, by your own id", |r| r.recipient.clone().into();
    },
};
