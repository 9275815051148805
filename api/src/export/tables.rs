//! The tables of an export: one list of columns for each makes both formats and what the README says of them.

use domain::{Click, CustomDomain, DomainStatus, ShortDomain, Verdict};
use serde_json::{Map, Value, json};
use store::{AnyLink, Member, Workspace};

use super::csv;

pub(super) struct Column<T> {
    pub name: &'static str,
    /// In words for a person.
    pub about: &'static str,
    value: fn(&T) -> Value,
}

pub(super) struct Table<T: 'static> {
    pub name: &'static str,
    pub about: &'static str,
    pub columns: &'static [Column<T>],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    NdJson,
    Csv,
}

impl Format {
    pub const ALL: [Self; 2] = [Self::NdJson, Self::Csv];
}

impl<T> Table<T> {
    pub fn file(&self, format: Format) -> String {
        match format {
            Format::NdJson => format!("{}.ndjson", self.name),
            Format::Csv => format!("{}.csv", self.name),
        }
    }

    /// What stands above all rows.
    pub fn head(&self, format: Format) -> Vec<u8> {
        match format {
            Format::NdJson => Vec::new(),
            Format::Csv => csv::row(self.columns.iter().map(|column| Value::from(column.name)).collect::<Vec<_>>().iter()).into_bytes(),
        }
    }

    pub fn rows(&self, format: Format, rows: &[T]) -> Vec<u8> {
        let mut text = String::new();
        for row in rows {
            let cells: Vec<Value> = self.columns.iter().map(|column| (column.value)(row)).collect();
            match format {
                Format::Csv => text.push_str(&csv::row(cells.iter())),
                Format::NdJson => {
                    let object: Map<String, Value> = self.columns.iter().map(|column| column.name.to_owned()).zip(cells).collect();
                    text.push_str(&Value::Object(object).to_string());
                    text.push('\n');
                }
            }
        }
        text.into_bytes()
    }
}

macro_rules! columns {
    ($type:ty; $($name:literal, $about:literal, $value:expr;)+) => {
        &[$(Column::<$type> { name: $name, about: $about, value: $value }),+]
    };
}

fn at(at: Option<domain::Millis>) -> Value {
    at.map_or(Value::Null, |at| at.to_string().into())
}

pub(super) const CLICKS: Table<Click> = Table {
    name: "clicks",
    about: "requests that found a link, in the order they were stored",
    columns: columns! { Click;
        "id", "the click's id", |c| c.id.to_string().into();
        "occurredAt", "when it was made", |c| c.occurred_at().to_string().into();
        "linkId", "its link, see links", |c| c.link.to_string().into();
        "linkVersion", "the link's version that decided", |c| c.link_version.into();
        "outcome", "what became of it; counts take REDIRECTED and FALLBACK", |c| outcome(c).into();
        "status", "the HTTP status that was answered", |c| c.status.into();
        "method", "GET, HEAD or POST", |c| c.method.as_str().into();
        "url", "the short URL as it was requested", |c| c.url.clone().into();
        "targetUrl", "where the visitor was sent, or would have been", |c| c.target.clone().into();
        "ruleId", "the link's rule that decided, if one did", |c| c.rule.as_ref().map(|rule| rule.id.to_string()).into();
        "ruleName", "what that rule was called", |c| c.rule.as_ref().map(|rule| rule.name.clone()).into();
        "variant", "the variant that the visitor met", |c| c.rule.as_ref().and_then(|rule| rule.variant.clone()).into();
        "verdict", "who it was: HUMAN, SUSPECTED, BOT or INTERNAL", |c| verdict(c.verdict).into();
        "verdictReason", "why it was judged so", |c| c.verdict_reason.describe().0.into();
        "country", "ISO 3166-1, by the visitor's address", |c| c.place.country.clone().into();
        "region", "ISO 3166-2 where known", |c| c.place.region.clone().into();
        "city", "as the geo database names it", |c| c.place.city.clone().into();
        "latitude", "degrees, of the place and not of the person", |c| c.place.latitude.into();
        "longitude", "degrees, of the place and not of the person", |c| c.place.longitude.into();
        "browser", "by the user agent", |c| c.browser.clone().into();
        "browserVersion", "by the user agent", |c| c.browser_version.clone().into();
        "os", "by the user agent", |c| c.os.clone().into();
        "osVersion", "by the user agent", |c| c.os_version.clone().into();
        "device", "the class of the device", |c| device(c).into();
        "language", "the first accepted language", |c| c.language.clone().into();
        "userAgent", "what the browser called itself", |c| c.user_agent.clone().into();
        "referrer", "where the visitor came from", |c| c.referrer.clone().into();
        "referrerHost", "the host of that", |c| c.referrer_host.clone().into();
        "channel", "the kind of that", |c| channel(c).into();
        "utmSource", "the campaign's source", |c| c.utm.source.clone().into();
        "utmMedium", "the campaign's medium", |c| c.utm.medium.clone().into();
        "utmCampaign", "the campaign", |c| c.utm.campaign.clone().into();
        "utmTerm", "the campaign's term", |c| c.utm.term.clone().into();
        "utmContent", "the campaign's content", |c| c.utm.content.clone().into();
        "parameters", "other parameters of the short URL, a list of key and value", |c| parameters(c);
        "network", "the visitor's network, never the whole address", |c| c.network.clone().into();
        "asn", "the number of the autonomous system", |c| c.system.as_ref().map(|system| system.number).into();
        "asOrganization", "who runs that system", |c| c.system.as_ref().and_then(|system| system.name.clone()).into();
        "ip", "the whole address, only where the workspace keeps it", |c| c.ip.map(|ip| ip.to_string()).into();
        "visitor", "tells visitors apart for a day, or as long as they consented to", |c| c.visitor.as_ref().map(|v| v.key.clone()).into();
        "redirectMicros", "from the request read to the click captured, in microseconds", |c| c.redirect_micros.into();
    },
};

fn outcome(click: &Click) -> &'static str {
    use domain::Outcome::*;
    match click.outcome {
        Redirected => "REDIRECTED",
        Fallback => "FALLBACK",
        Expired => "EXPIRED",
        Disabled => "DISABLED",
        Limit => "LIMIT",
        Password => "PASSWORD",
        Preview => "PREVIEW",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Human => "HUMAN",
        Verdict::Suspected => "SUSPECTED",
        Verdict::Bot => "BOT",
        Verdict::Internal => "INTERNAL",
    }
}

fn device(click: &Click) -> String {
    format!("{:?}", click.device).to_uppercase()
}

fn channel(click: &Click) -> Option<String> {
    click.channel.map(|channel| format!("{channel:?}").to_uppercase())
}

fn parameters(click: &Click) -> Value {
    click.parameters.iter().map(|parameter| json!({ "key": parameter.key, "value": parameter.value })).collect()
}

/// A link with its address.
pub(super) struct LinkRow {
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

pub(super) const LINKS: Table<LinkRow> = Table {
    name: "links",
    about: "links, deleted ones too since clicks name them",
    columns: columns! { LinkRow;
        "id", "the link's id", |l| l.row.link.id.to_string().into();
        "shortUrl", "its address", |l| l.short_url.clone().into();
        "domain", "the host that serves it", |l| l.domain.clone().into();
        "slug", "the path on that host", |l| l.row.link.slug.as_str().into();
        "targetUrl", "where it leads", |l| l.row.link.target.as_str().into();
        "title", "for people", |l| l.row.link.title.clone().into();
        "description", "what previews say", |l| l.row.link.about.description.clone().into();
        "imageUrl", "what previews show", |l| l.row.link.about.image.as_ref().map(|image| image.as_str()).into();
        "externalId", "the id that you gave it", |l| l.row.link.external_id.clone().into();
        "redirectStatus", "the HTTP status of the redirect", |l| l.row.link.redirect_status.code().into();
        "forwardQuery", "whether the visitor's query is added to the target's", |l| l.row.link.forward_query.into();
        "disabled", "whether it is switched off", |l| l.row.link.gate.disabled.into();
        "startsAt", "from when on it leads on", |l| at(l.row.link.gate.starts_at);
        "expiresAt", "from when on it no longer does", |l| at(l.row.link.gate.expires_at);
        "fallbackUrl", "where it leads outside that time and above its limit", |l| l.row.link.gate.fallback.as_ref().map(|url| url.as_str()).into();
        "clickLimit", "how often it leads on", |l| l.row.link.gate.click_limit.map(|limit| limit.get()).into();
        "passwordProtected", "whether visitors are asked for a password", |l| l.row.link.gate.password.is_some().into();
        "rules", "other targets and their conditions", |l| serde_json::to_value(&l.row.link.gate.rules).unwrap_or_default();
        "version", "how often it was changed, from 1", |l| l.row.link.version.into();
        "createdAt", "when it was made", |l| at(Some(l.row.link.created_at));
        "updatedAt", "when it was last changed", |l| at(Some(l.row.link.updated_at));
        "lastClickedAt", "when it was last clicked", |l| at(l.row.link.last_clicked_at);
        "archivedAt", "since when it is put aside", |l| at(l.row.link.archived_at);
        "deletedAt", "since when it is deleted", |l| at(l.row.deleted_at);
    },
};

pub(super) const DOMAINS: Table<CustomDomain> = Table {
    name: "domains",
    about: "hosts of the workspace's own",
    columns: columns! { CustomDomain;
        "id", "the domain's id", |d| d.id.to_string().into();
        "host", "its name", |d| d.host.as_str().into();
        "status", "whether the proof that it is yours was found", |d| status(d.status).into();
        "settings", "what it serves beside links", |d| serde_json::to_value(&d.settings).unwrap_or_default();
        "createdAt", "when it was added", |d| at(Some(d.created_at));
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

pub(super) const MEMBERS: Table<Member> = Table {
    name: "members",
    about: "people who may sign in to the workspace",
    columns: columns! { Member;
        "id", "the user's id", |m| m.user.to_string().into();
        "email", "the address they sign in with", |m| m.email.clone().into();
        "role", "what they may do", |m| format!("{:?}", m.role).to_uppercase().into();
        "since", "when they joined", |m| at(Some(m.since));
    },
};

/// A workspace and what it decided.
pub(super) struct Settings {
    pub workspace: Workspace,
    pub policy: domain::WorkspacePolicy,
}

pub(super) const SETTINGS: Table<Settings> = Table {
    name: "settings",
    about: "the workspace itself, one row",
    columns: columns! { Settings;
        "id", "the workspace's id", |s| s.workspace.id.to_string().into();
        "name", "its name", |s| s.workspace.name.clone().into();
        "slug", "its name in addresses", |s| s.workspace.slug.clone().into();
        "timeZone", "the zone of its days", |s| s.workspace.time_zone.clone().into();
        "createdAt", "when it was made", |s| at(Some(s.workspace.created_at));
        "referrerPolicy", "what targets are told of the short URL", |s| s.policy.referrer_policy.map(|policy| policy.as_str()).into();
        "privacy", "what is kept of visitors", |s| serde_json::to_value(&s.policy.privacy).unwrap_or_default();
    },
};
