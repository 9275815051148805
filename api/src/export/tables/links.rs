//! Links, each with its address.

use domain::{LimitMode, ShortDomain};
use store::AnyLink;

use super::{Table, at, columns};

/// A link with its address.
pub(in crate::export) struct LinkRow {
    row: AnyLink,
    domain: String,
    short_url: String,
}

impl LinkRow {
    pub fn new(row: AnyLink, short: &ShortDomain) -> Self {
        let domain = row.link.domain.as_ref().map_or_else(|| short.authority(), |domain| domain.host.as_str().to_owned());
        let short_url = match &row.link.domain {
            None => short.short_url(row.link.slug.as_str()),
            Some(domain) => domain.host.short_url(row.link.slug.as_str()),
        };
        Self { row, domain, short_url }
    }
}

pub(in crate::export) const LINKS: Table<LinkRow> = Table {
    name: "links",
    about: "links, deleted ones too since clicks name them",
    columns: columns! { LinkRow;
        "id", "the link's id", |l| l.row.link.id.to_string().into();
        "shortUrl", "its address", |l| l.short_url.clone().into();
        "domain", "the host that serves it", |l| l.domain.clone().into();
        "slug", "the path on that host", |l| l.row.link.slug.as_str().into();
        "earlierSlugs", "others that lead to it as well, a list", |l| l.row.earlier_slugs.clone().into();
        "targetUrl", "where it leads", |l| l.row.link.target.as_str().into();
        "title", "for people", |l| l.row.link.title.clone().into();
        "description", "what previews say", |l| l.row.link.about.description.clone().into();
        "imageUrl", "what previews show", |l| l.row.link.about.image.as_ref().map(|image| image.as_str()).into();
        "externalId", "the id that you gave it", |l| l.row.link.external_id.clone().into();
        "tags", "what it is sorted by, a list", |l| l.row.link.labels.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>().into();
        "folder", "where it is kept", |l| l.row.link.labels.folder.as_ref().map(|folder| folder.as_str()).into();
        "metadata", "what you keep with it, an object", |l| l.row.link.labels.metadata.to_json();
        "redirectStatus", "the HTTP status of the redirect", |l| l.row.link.redirect_status.code().into();
        "forwardQuery", "whether the visitor's query is added to the target's", |l| l.row.link.forward_query.into();
        "appendClickId", "whether the target is told the click's id", |l| l.row.link.append_click_id.into();
        "disabled", "whether it is switched off", |l| l.row.link.gate.disabled.into();
        "startsAt", "from when on it leads on", |l| at(l.row.link.gate.starts_at);
        "expiresAt", "from when on it no longer does", |l| at(l.row.link.gate.expires_at);
        "fallbackUrl", "where it leads outside that time and above its limit", |l| l.row.link.gate.fallback.as_ref().map(|url| url.as_str()).into();
        "clickLimit", "how often it leads on", |l| l.row.link.gate.click_limit.map(|limit| limit.get()).into();
        "clickLimitMode", "how exactly that holds: STRICT or FAST", |l| limit_mode(l.row.link.gate.limit_mode).into();
        "passwordProtected", "whether visitors are asked for a password", |l| l.row.link.gate.password.is_some().into();
        "rules", "other targets and their conditions", |l| serde_json::to_value(&l.row.link.gate.rules).unwrap_or_default();
        "version", "how often it was changed, from 1", |l| l.row.link.version.into();
        "createdAt", "when it was made", |l| at(l.row.link.created_at);
        "createdBy", "the user who made it, or whose API key did", |l| l.row.link.created_by.map(|user| user.to_string()).into();
        "updatedAt", "when it was last changed", |l| at(l.row.link.updated_at);
        "lastClickedAt", "when it was last clicked", |l| at(l.row.link.last_clicked_at);
        "archivedAt", "since when it is put aside", |l| at(l.row.link.archived_at);
        "deletedAt", "since when it is deleted", |l| at(l.row.deleted_at);
    },
};

fn limit_mode(mode: LimitMode) -> &'static str {
    match mode {
        LimitMode::Strict => "STRICT",
        LimitMode::Fast => "FAST",
    }
}
