//! Clicks that are logged without a link made beforehand: what the caller sends, checked like any
//! link's target, and what is recorded of it.

use std::net::IpAddr;

use url::{Url, form_urlencoded};

use crate::{ClickId, Invalid, Issue, IssueCode, MAX_TARGET_BYTES, Millis, OwnHosts, ShortDomain, TargetUrl, Utm};

/// The path of the endpoint, without its slash.
pub const LOG_PATH: &str = "log-and-redirect";
const MAX_PARAMETERS: usize = 20;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 512;
/// What a click's address may have.
const MAX_URL: usize = 4_096;
/// How old a click that the caller names may be, and how far ahead its clock.
const MAX_AGE_MILLIS: i64 = 24 * 3_600 * 1_000;
const MAX_AHEAD_MILLIS: i64 = 60_000;

/// What an edge function says of the visitor it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorFacts {
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub referrer: Option<String>,
    pub language: Option<String>,
}

/// A request to log a click, as it was sent.
#[derive(Clone, Debug, Default)]
pub struct LogDraft {
    pub url: String,
    pub utm: Utm,
    pub source: Option<String>,
    pub parameters: Vec<(String, String)>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub referrer: Option<String>,
    pub language: Option<String>,
    pub click_id: Option<String>,
}

/// A click to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Where the visitor goes, campaign fields included.
    pub target: TargetUrl,
    /// The click's address: the endpoint with campaign fields and parameters.
    pub url: String,
    /// None when the request is the visitor's own.
    pub facts: Option<VisitorFacts>,
    /// What makes a repeat the same click.
    pub click_id: Option<ClickId>,
}

impl LogDraft {
    /// The draft of a signed address.
    pub fn of_query(target: String, others: Vec<(String, String)>) -> Self {
        let mut draft = Self { url: target, ..Self::default() };
        for (key, value) in others {
            match draft.utm.field(&key.to_ascii_lowercase()) {
                Some(field) => drop(field.get_or_insert(value)),
                None if key == "source" && draft.source.is_none() => draft.source = Some(value),
                None => draft.parameters.push((key, value)),
            }
        }
        draft
    }

    /// `path` is the endpoint that was asked.
    ///
    /// # Errors
    /// All offences at once.
    pub fn check(self, own: OwnHosts<'_>, path: &str, now: Millis) -> Result<Logged, Invalid> {
        let mut invalid = Invalid::default();
        let target = invalid.check(TargetUrl::parse("url", &self.url, own));
        let utm = checked_utm(self.utm, &mut invalid);
        let source = invalid.check(text("source", self.source)).flatten();
        let url = invalid.check(recorded_url(own.short(), path, &utm, source, self.parameters));
        let target = target.and_then(|target| invalid.check(with_utm(&target, &utm)));
        let ip = invalid.check(self.ip.map(|ip| parse_ip(&ip)).transpose()).flatten();
        let click_id = invalid.check(self.click_id.map(|id| parse_click_id(&id, now)).transpose()).flatten();
        invalid.finish()?;
        let facts = VisitorFacts { ip, user_agent: self.user_agent, referrer: self.referrer, language: self.language };
        let facts = (facts != VisitorFacts::default()).then_some(facts);
        let Some((target, url)) = target.zip(url) else { return Err(Invalid::default()) };
        Ok(Logged { target, url, facts, click_id })
    }
}

fn checked_utm(utm: Utm, invalid: &mut Invalid) -> Utm {
    let mut field = |path: &str, value| invalid.check(text(path, value)).flatten();
    Utm {
        source: field("utm.source", utm.source),
        medium: field("utm.medium", utm.medium),
        campaign: field("utm.campaign", utm.campaign),
        term: field("utm.term", utm.term),
        content: field("utm.content", utm.content),
    }
}

/// A text of at most 512 characters; empty means none.
fn text(path: &str, value: Option<String>) -> Result<Option<String>, Issue> {
    let Some(value) = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()) else { return Ok(None) };
    if value.chars().count() > MAX_VALUE {
        return Err(Issue::new(path, IssueCode::TooLong, "Use at most 512 characters here."));
    }
    if value.chars().any(char::is_control) {
        return Err(Issue::new(path, IssueCode::Invalid, "Remove line breaks and other control characters here."));
    }
    Ok(Some(value))
}

fn recorded_url(
    own: &ShortDomain,
    path: &str,
    utm: &Utm,
    source: Option<String>,
    parameters: Vec<(String, String)>,
) -> Result<String, Issue> {
    let refuse = |code, message: &str| Err(Issue::new("parameters", code, message));
    if parameters.len() > MAX_PARAMETERS {
        return refuse(IssueCode::TooLong, "Use at most 20 parameters for one click.");
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(utm.pairs());
    query.extend_pairs(source.iter().map(|source| ("source", source)));
    for (key, value) in &parameters {
        if key.is_empty() || key.chars().count() > MAX_KEY {
            return refuse(IssueCode::Invalid, "A parameter's name has 1 to 64 characters.");
        }
        if Utm::default().field(&key.to_ascii_lowercase()).is_some() || key == "source" {
            return refuse(IssueCode::NotAllowed, "Campaign fields and the source have fields of their own: use utm and source.");
        }
        if value.chars().count() > MAX_VALUE {
            return refuse(IssueCode::TooLong, "A parameter's value has at most 512 characters.");
        }
        query.append_pair(key, value);
    }
    let query = query.finish();
    let url = own.short_url(path) + if query.is_empty() { "" } else { "?" } + &query;
    if url.len() > MAX_URL {
        return refuse(
            IssueCode::TooLong,
            "Campaign fields and parameters have more than 4,096 bytes together. Send fewer or shorter ones.",
        );
    }
    Ok(url)
}

/// The target with these campaign fields, which take the place of its own.
fn with_utm(target: &TargetUrl, utm: &Utm) -> Result<TargetUrl, Issue> {
    let pairs: Vec<_> = utm.pairs().collect();
    let Some(mut url) = Url::parse(target.as_str()).ok().filter(|_| !pairs.is_empty()) else { return Ok(target.clone()) };
    // What is not replaced stays as it was written.
    let replaced = |part: &&str| {
        let key = form_urlencoded::parse(part.as_bytes()).next().map(|(key, _)| key.to_ascii_lowercase()).unwrap_or_default();
        !pairs.iter().any(|(name, _)| *name == key)
    };
    let kept: Vec<&str> = target_query(target.as_str()).split('&').filter(|part| !part.is_empty()).filter(replaced).collect();
    let kept = kept.join("&");
    url.set_query((!kept.is_empty()).then_some(&kept));
    url.query_pairs_mut().extend_pairs(pairs);
    if url.as_str().len() > MAX_TARGET_BYTES {
        let message = "The address is longer than 2,048 bytes with its campaign fields. Use a shorter one.";
        return Err(Issue::new("url", IssueCode::TooLong, message));
    }
    Ok(TargetUrl::from_store(url.into()))
}

fn target_query(url: &str) -> &str {
    let without_fragment = url.split('#').next().unwrap_or_default();
    without_fragment.split_once('?').map_or("", |(_, query)| query)
}

fn parse_ip(text: &str) -> Result<IpAddr, Issue> {
    let message = "This is no IP address. Send the visitor's, like 203.0.113.7 or 2001:db8::7, or leave it out.";
    text.trim().parse().map(|ip: IpAddr| ip.to_canonical()).map_err(|_| Issue::new("ip", IssueCode::Invalid, message))
}

fn parse_click_id(text: &str, now: Millis) -> Result<ClickId, Issue> {
    let id: ClickId = text.parse().map_err(|_| {
        Issue::new("clickId", IssueCode::Invalid, "This is no click id. Make one like clk_ and a UUIDv7 as TypeID has it, or leave it out.")
    })?;
    let age = now.0 - id.made_at().0;
    if id.0.get_version_num() != 7 || !(-MAX_AHEAD_MILLIS..=MAX_AGE_MILLIS).contains(&age) {
        let message = "The click id must be a UUIDv7 made within the last 24 hours. Make a new one, or leave it out.";
        return Err(Issue::new("clickId", IssueCode::OutOfRange, message));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_772_366_400_000);

    fn own() -> ShortDomain {
        ShortDomain::parse("go.example").unwrap()
    }

    fn draft(url: &str) -> LogDraft {
        LogDraft { url: url.into(), ..LogDraft::default() }
    }

    fn spring() -> Utm {
        Utm { source: Some("mail".into()), campaign: Some(" spring & summer ".into()), ..Utm::default() }
    }

    #[test]
    fn campaign_fields_join_the_target_and_the_click() {
        let target = "https://example.com/a?x=%20y&UTM_source=old&utm_term=kept#part";
        let logged = LogDraft { utm: spring(), source: Some("app".into()), parameters: vec![("n".into(), "1".into())], ..draft(target) };
        let logged = logged.check(OwnHosts::shared(&own()), LOG_PATH, NOW).unwrap();
        assert_eq!(
            logged.target.as_str(),
            "https://example.com/a?x=%20y&utm_term=kept&utm_source=mail&utm_campaign=spring+%26+summer#part"
        );
        assert_eq!(logged.url, "https://go.example/log-and-redirect?utm_source=mail&utm_campaign=spring+%26+summer&source=app&n=1");
        assert_eq!((logged.facts, logged.click_id), (None, None));
        let plain = draft("https://example.com/?a=b c").check(OwnHosts::shared(&own()), LOG_PATH, NOW).unwrap();
        assert_eq!((plain.target.as_str(), plain.url.as_str()), ("https://example.com/?a=b%20c", "https://go.example/log-and-redirect"));
    }

    #[test]
    fn all_offences_are_told_at_once() {
        let wrong = LogDraft {
            utm: Utm { term: Some("x".repeat(513)), content: Some("a\nb".into()), ..Utm::default() },
            parameters: vec![("utm_source".into(), "x".into())],
            ip: Some("here".into()),
            click_id: Some("clk_1".into()),
            ..draft("javascript:alert(1)")
        };
        let paths: Vec<_> =
            wrong.check(OwnHosts::shared(&own()), LOG_PATH, NOW).unwrap_err().0.into_iter().map(|issue| issue.path).collect();
        assert_eq!(paths, ["url", "utm.term", "utm.content", "parameters", "ip", "clickId"]);
        for url in ["", "https://go.example/x", "https://user@example.com/", "//example.com", "https://example.com/\r\nx: y"] {
            assert_eq!(draft(url).check(OwnHosts::shared(&own()), LOG_PATH, NOW).unwrap_err().0[0].path, "url", "{url}");
        }
    }

    #[test]
    fn bounds() {
        let parameters = |count: usize, value: &str| (0..count).map(|i| (format!("k{i}"), value.to_owned())).collect::<Vec<_>>();
        let check = |parameters| LogDraft { parameters, ..draft("https://example.com/") }.check(OwnHosts::shared(&own()), LOG_PATH, NOW);
        assert!(check(parameters(20, "v")).is_ok());
        for wrong in
            [parameters(21, "v"), parameters(1, &"v".repeat(513)), parameters(9, &"v".repeat(500)), vec![(String::new(), "v".into())]]
        {
            assert_eq!(check(wrong).unwrap_err().0[0].path, "parameters");
        }
        let long = format!("https://example.com/{}", "a".repeat(2_020));
        assert_eq!(LogDraft { utm: spring(), ..draft(&long) }.check(OwnHosts::shared(&own()), LOG_PATH, NOW).unwrap_err().0[0].path, "url");
        let at = |millis: i64| draft_with(ClickId::new(NOW.plus(millis), [3; 10])).check(OwnHosts::shared(&own()), LOG_PATH, NOW);
        assert!(at(0).is_ok() && at(-86_000_000).is_ok() && at(-87_000_000).is_err() && at(61_000).is_err());
        assert!(
            draft_with(ClickId(uuid::Uuid::from_u128(NOW.0 as u128 * (1 << 80)))).check(OwnHosts::shared(&own()), LOG_PATH, NOW).is_err()
        );
    }

    fn draft_with(id: ClickId) -> LogDraft {
        LogDraft { click_id: Some(id.to_string()), ..draft("https://example.com/") }
    }

    #[test]
    fn a_signed_address_is_read_the_same_way() {
        let others = [("utm_source", "mail"), ("UTM_Medium", "qr"), ("source", "app"), ("n", "1")];
        let others = others.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let logged = LogDraft::of_query("https://example.com/".into(), others).check(OwnHosts::shared(&own()), "r", NOW).unwrap();
        assert_eq!(logged.url, "https://go.example/r?utm_source=mail&utm_medium=qr&source=app&n=1");
        assert_eq!(logged.target.as_str(), "https://example.com/?utm_source=mail&utm_medium=qr");
    }
}
