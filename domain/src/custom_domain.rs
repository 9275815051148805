//! A workspace's own domain: its state, its settings, and what the redirector needs to know of it.

use crate::{DomainId, HostName, Issue, IssueCode, Millis, TargetUrl, WorkspaceId};

/// A document under `/.well-known/`.
pub const MAX_WELL_KNOWN_BYTES: usize = 64 << 10;
pub const MAX_ROBOTS_BYTES: usize = 8 << 10;

/// What is known of the proof that a host is the workspace's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainStatus {
    /// Not looked for yet.
    Pending,
    /// Found. Only now, and until it is suspended, the domain serves links.
    Verified,
    /// Looked for, and not found.
    Failed,
    /// It was verified once, and the proof has been missing for days.
    Suspended,
}

/// How a domain answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct DomainSettings {
    /// Where `/` leads.
    pub root: Option<TargetUrl>,
    /// Where a slug that is no link leads.
    pub not_found: Option<TargetUrl>,
    /// Where an expired link without a fallback of its own leads.
    pub expired: Option<TargetUrl>,
    /// Whether `/Sale` and `/sale` are different slugs.
    pub case_sensitive: bool,
    /// Whether browsers are told to use https only.
    pub hsts: bool,
    /// JSON, served at `/.well-known/apple-app-site-association`.
    pub apple_app_site_association: Option<String>,
    /// JSON, served at `/.well-known/assetlinks.json`.
    pub asset_links: Option<String>,
    /// What `/robots.txt` says.
    pub robots: Option<String>,
}

/// A change to settings: `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct DomainSettingsChange {
    pub root: Option<Option<TargetUrl>>,
    pub not_found: Option<Option<TargetUrl>>,
    pub expired: Option<Option<TargetUrl>>,
    pub case_sensitive: Option<bool>,
    pub hsts: Option<bool>,
    pub apple_app_site_association: Option<Option<String>>,
    pub asset_links: Option<Option<String>>,
    pub robots: Option<Option<String>>,
}

impl DomainSettings {
    /// The same with a change made to it.
    #[must_use]
    pub fn with(mut self, change: DomainSettingsChange) -> Self {
        set(&mut self.root, change.root);
        set(&mut self.not_found, change.not_found);
        set(&mut self.expired, change.expired);
        set(&mut self.case_sensitive, change.case_sensitive);
        set(&mut self.hsts, change.hsts);
        set(&mut self.apple_app_site_association, change.apple_app_site_association);
        set(&mut self.asset_links, change.asset_links);
        set(&mut self.robots, change.robots);
        self
    }

    /// About how many bytes its texts take in memory.
    pub fn weight(&self) -> usize {
        let targets = [&self.root, &self.not_found, &self.expired].into_iter().flatten().map(|target| target.as_str().len());
        let texts = [&self.apple_app_site_association, &self.asset_links, &self.robots].into_iter().flatten().map(String::len);
        targets.chain(texts).sum()
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// A domain as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomDomain {
    pub id: DomainId,
    pub host: HostName,
    pub status: DomainStatus,
    /// What the workspace's proof is made from.
    pub token: String,
    pub settings: DomainSettings,
    /// Raised by every change, from 1.
    pub version: i32,
    pub created_at: Millis,
    /// Since when it serves links, if it does.
    pub verified_at: Option<Millis>,
    /// When the proof was last looked for and DNS answered.
    pub checked_at: Option<Millis>,
    /// Since when the proof is missing.
    pub lapsed_since: Option<Millis>,
    /// What the last look found instead of the proof, for a person.
    pub problem: Option<String>,
}

/// What a redirect needs to know of a verified domain. It is written down as JSON in the snapshot,
/// where programs of several versions meet: unknown fields are ignored, and a field that is added
/// needs `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ServedDomain {
    pub id: DomainId,
    pub workspace: WorkspaceId,
    pub host: HostName,
    pub version: i32,
    pub settings: DomainSettings,
}

/// What a host serves: a domain, or nothing since one has left it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DomainState {
    pub host: HostName,
    /// The domain that is, or was, there.
    pub id: DomainId,
    /// Raised by every change of that domain.
    pub version: i32,
    pub domain: Option<ServedDomain>,
}

impl DomainState {
    /// Whether this is to take the place of `stored`; as for links
    /// ([`LinkState::replaces`](crate::LinkState::replaces)).
    pub fn replaces(&self, stored: &Self) -> bool {
        self.id != stored.id || self.version > stored.version || (self.version == stored.version && self != stored)
    }
}

/// How often, and for how long, the proof of a verified domain must be missing before it is
/// suspended: a zone that is edited or moved between providers is back sooner.
const LAPSES: i32 = 4;
const LAPSE_MILLIS: i64 = 3 * 24 * 3_600_000;
/// Looks that follow each other faster count as one.
const LAPSE_STEP_MILLIS: i64 = 12 * 3_600_000;

/// Looks in a row that found the proof of a verified domain missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lapse {
    pub count: i32,
    pub since: Option<Millis>,
}

impl Lapse {
    /// The same after one more look at `now` that found nothing. What counts is the time since the
    /// first one, so that looking often neither hastens nor delays the end.
    #[must_use]
    pub fn after(self, now: Millis) -> Self {
        let counts = self.since.is_none_or(|since| now.0 - since.0 >= i64::from(self.count) * LAPSE_STEP_MILLIS);
        Self { count: if counts { self.count.saturating_add(1) } else { self.count }, since: Some(self.since.unwrap_or(now)) }
    }

    /// Whether the domain is to be suspended.
    pub fn is_final(self, now: Millis) -> bool {
        self.count >= LAPSES && self.since.is_some_and(|since| now.0 - since.0 >= LAPSE_MILLIS)
    }
}

/// A document for `/.well-known/`: a JSON object or array of at most 64 KiB.
///
/// # Errors
/// An issue at `field`.
pub fn parse_well_known(field: &str, text: &str) -> Result<Option<String>, Issue> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    if text.len() > MAX_WELL_KNOWN_BYTES {
        return Err(Issue::new(field, IssueCode::TooLong, "The document is longer than 64 KiB. Use a shorter one."));
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(_) | serde_json::Value::Array(_)) => Ok(Some(text.to_owned())),
        Ok(_) => Err(Issue::new(field, IssueCode::Invalid, "The document must be a JSON object or array.")),
        Err(error) => Err(Issue::new(
            field,
            IssueCode::Invalid,
            format!("This is not valid JSON: it goes wrong at line {}, column {}.", error.line(), error.column()),
        )),
    }
}

/// The text of `robots.txt`, at most 8 KiB; empty means the usual one.
///
/// # Errors
/// An issue at `robots`.
pub fn parse_robots(text: &str) -> Result<Option<String>, Issue> {
    if text.len() > MAX_ROBOTS_BYTES {
        return Err(Issue::new("robots", IssueCode::TooLong, "The text of robots.txt is longer than 8 KiB. Use a shorter one."));
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        return Err(Issue::new("robots", IssueCode::Invalid, "Remove control characters other than line breaks from robots.txt."));
    }
    Ok((!text.trim().is_empty()).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_json_of_a_bounded_size() {
        assert_eq!(parse_well_known("assetLinks", "[]").unwrap().as_deref(), Some("[]"));
        assert_eq!(parse_well_known("assetLinks", " ").unwrap(), None);
        let long = format!("[\"{}\"]", "a".repeat(MAX_WELL_KNOWN_BYTES));
        for text in ["{", "1", "null", "\"x\"", "<html>", &long, &"[".repeat(1_000)] {
            assert_eq!(parse_well_known("assetLinks", text).unwrap_err().path, "assetLinks");
        }
        assert!(parse_robots("User-agent: *\nDisallow: /\n").unwrap().is_some() && parse_robots("\n").unwrap().is_none());
        assert!(parse_robots("a\u{7}").is_err() && parse_robots(&"a".repeat(MAX_ROBOTS_BYTES + 1)).is_err());
    }

    #[test]
    fn a_domain_lapses_over_days_only() {
        const HOUR: i64 = 3_600_000;
        let mut lapse = Lapse::default();
        // However often somebody looks within an hour.
        for minute in 0..60 {
            lapse = lapse.after(Millis(60_000 * minute));
        }
        assert_eq!(lapse, Lapse { count: 1, since: Some(Millis(0)) });
        for (day, is_final) in [(1, false), (2, false), (3, true)] {
            let now = Millis(day * 24 * HOUR);
            lapse = lapse.after(now);
            assert_eq!(lapse.is_final(now), is_final, "{day}");
        }
        // Two looks far apart are not several.
        let far = Lapse::default().after(Millis(0)).after(Millis(900 * HOUR));
        assert!(!far.is_final(Millis(900 * HOUR)));
        // Nor does looking again and again keep it: every eleven hours, for three days.
        let often = (0..8).fold(Lapse::default(), |lapse, look| lapse.after(Millis(look * 11 * HOUR)));
        assert!(often.is_final(Millis(77 * HOUR)), "{often:?}");
    }

    #[test]
    fn a_change_leaves_the_rest() {
        let target = |text: &str| TargetUrl::from_store(text.to_owned());
        let stored = DomainSettings { root: Some(target("https://a.example/")), hsts: true, ..DomainSettings::default() };
        let change = DomainSettingsChange { root: Some(None), expired: Some(Some(target("https://b.example/"))), ..Default::default() };
        let changed = stored.with(change);
        assert_eq!((changed.root, changed.hsts, changed.expired), (None, true, Some(target("https://b.example/"))));
    }
}
