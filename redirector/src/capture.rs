//! The facts of a request, with a bound on each, so that a record always fits.

use std::net::IpAddr;

use domain::{Address, CapturedClick, ClickId, ClickRule, Method, Outcome, ResolvedLink, VisitorFacts};
use hyper::header::{ACCEPT_LANGUAGE, HeaderName, REFERER, USER_AGENT};
use hyper::{HeaderMap, StatusCode};

use crate::answer::Page;

const MAX_URL: usize = 4_096;
const MAX_USER_AGENT: usize = 512;
const MAX_REFERRER: usize = 2_048;
const MAX_LANGUAGE: usize = 256;

/// What becomes of the request.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub outcome: Outcome,
    pub status: u16,
    /// Where the visitor is sent, or would have been.
    pub target: String,
    pub rule: Option<ClickRule>,
    /// Shown instead of a redirect.
    pub page: Option<Page>,
}

impl Decision {
    pub fn page(outcome: Outcome, page: Page, link: &ResolvedLink) -> Self {
        Self { outcome, status: page.status().as_u16(), target: link.target.as_str().to_owned(), rule: None, page: Some(page) }
    }

    /// A preview page was shown, or what stands in its place.
    pub fn preview(status: StatusCode, link: &ResolvedLink) -> Self {
        let target = link.target.as_str().to_owned();
        Self { outcome: Outcome::Preview, status: status.as_u16(), target, rule: None, page: None }
    }

    pub fn leads_on(&self) -> bool {
        self.outcome == Outcome::Redirected
    }

    /// The same for a service that is shown the link's card instead of being led on.
    pub fn shown_as_card(self) -> Self {
        Self { outcome: Outcome::Preview, status: StatusCode::OK.as_u16(), ..self }
    }
}

/// What the request says of itself.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub id: ClickId,
    pub method: Method,
    /// The short URL with its query.
    pub url: String,
    pub address: Address,
    pub headers: &'a HeaderMap,
    pub redirect_micros: u32,
    /// Whether it is one too many at that moment.
    pub above_rate: bool,
}

pub(crate) fn capture(link: &ResolvedLink, decision: Decision, facts: Facts<'_>) -> CapturedClick {
    CapturedClick {
        id: facts.id,
        workspace: link.workspace,
        link: link.id,
        link_version: link.version,
        outcome: decision.outcome,
        status: decision.status,
        method: facts.method,
        url: bounded(facts.url, MAX_URL),
        target: decision.target,
        address: facts.address,
        user_agent: user_agent_of(facts.headers),
        referrer: text(facts.headers, &REFERER, MAX_REFERRER),
        accept_language: language_of(facts.headers),
        redirect_micros: facts.redirect_micros,
        rule: decision.rule,
        above_rate: facts.above_rate,
        signals: domain::Signals::default(),
    }
}

pub(crate) fn user_agent_of(headers: &HeaderMap) -> Option<String> {
    text(headers, &USER_AGENT, MAX_USER_AGENT)
}

/// Several lines are one list (RFC 9110, section 5.3). Of one that is too long no language is kept
/// in part: without its weight it would come first.
pub(crate) fn language_of(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(ACCEPT_LANGUAGE).iter().map(|line| line.as_bytes().trim_ascii());
    let mut list = String::from_utf8_lossy(lines.next()?).into_owned();
    for line in lines.filter(|line| !line.is_empty()) {
        if list.len() > MAX_LANGUAGE {
            break;
        }
        let between = if list.is_empty() { "" } else { ", " };
        list = list + between + &String::from_utf8_lossy(line);
    }
    if list.len() > MAX_LANGUAGE {
        list = bounded(list, MAX_LANGUAGE + 1);
        list.truncate(list.rfind(',').unwrap_or_default());
    }
    (!list.is_empty()).then_some(list)
}

/// What a visitor's own request says.
pub(crate) fn own_facts(ip: IpAddr, headers: &HeaderMap) -> VisitorFacts {
    let referrer = text(headers, &REFERER, MAX_REFERRER);
    VisitorFacts { ip: Some(ip), user_agent: user_agent_of(headers), referrer, language: language_of(headers) }
}

/// What another said of a visitor, within the same bounds.
pub(crate) fn captured_facts(facts: VisitorFacts) -> VisitorFacts {
    let within =
        |text: Option<String>, most| text.map(|text| bounded(text.trim().replace('\0', "\u{fffd}"), most)).filter(|text| !text.is_empty());
    VisitorFacts {
        ip: facts.ip,
        user_agent: within(facts.user_agent, MAX_USER_AGENT),
        referrer: within(facts.referrer, MAX_REFERRER),
        language: within(facts.language, MAX_LANGUAGE),
    }
}

/// A header as text; what is no UTF-8 is replaced, an empty one is none.
fn text(headers: &HeaderMap, name: &HeaderName, most: usize) -> Option<String> {
    let value = headers.get(name)?.as_bytes();
    let value = value.trim_ascii();
    (!value.is_empty()).then(|| bounded(String::from_utf8_lossy(value).into_owned(), most))
}

fn bounded(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_a_character() {
        assert_eq!(bounded("aäb".into(), 2), "a");
        assert_eq!(bounded("aäb".into(), 3), "aä");
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, hyper::header::HeaderValue::from_bytes(b" \xff\xfe ").unwrap());
        headers.insert(REFERER, hyper::header::HeaderValue::from_static(" "));
        assert_eq!(text(&headers, &USER_AGENT, 99).as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(text(&headers, &REFERER, 99), None);
    }

    #[test]
    fn lines_of_languages_are_one_list() {
        let of = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT_LANGUAGE, hyper::header::HeaderValue::from_str(line).unwrap());
            }
            language_of(&headers)
        };
        assert_eq!(of(&["fr;q=0.5 ", " de, en"]).as_deref(), Some("fr;q=0.5, de, en"));
        assert_eq!(of(&["", "de", ""]).as_deref(), Some("de"));
        assert_eq!((of(&[]), of(&["", " "])), (None, None));
        let full = ["de;q=0.1"; 25].join(", ");
        assert_eq!(of(&[&full, "en"]).unwrap(), format!("{full}, en"));
        // Of what comes after 256 bytes nothing is left, nor what is cut.
        assert_eq!(of(&["de;q=0.1"; 200]).unwrap(), ["de;q=0.1"; 25].join(", "));
        let edge = format!("{full}, en");
        assert_eq!(of(&[&edge, "xy"]).unwrap(), format!("{edge}, xy"));
        assert_eq!(of(&[&edge, "xyz"]).unwrap(), edge);
        assert_eq!(of(&[&format!("{edge};q=0.001")]).unwrap(), full);
        assert_eq!(of(&["d".repeat(300).as_str()]), None);
    }
}
