//! What a visitor's headers say, read in one pass, with a bound on each text, so that a record always
//! fits.

use domain::{ClientHints, SignalSet, Signals};
use hyper::HeaderMap;

use crate::ignored;

const MAX_USER_AGENT: usize = 512;
const MAX_REFERRER: usize = 2_048;
const MAX_LANGUAGE: usize = 256;
const MAX_HINT: usize = 256;

/// What a request says of its visitor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub user_agent: Option<String>,
    pub referrer: Option<String>,
    /// The whole list of Accept-Language.
    pub language: Option<String>,
    pub signals: Signals,
}

impl Said {
    /// `secure` says whether the visitor's connection is encrypted.
    pub fn of(headers: &HeaderMap, secure: bool) -> Self {
        let mut said = Self { signals: Signals::of(SignalSet::TAKEN), ..Self::default() };
        if secure {
            said.signals.set.insert(SignalSet::SECURE);
        }
        for (name, value) in headers {
            said.read(name.as_str(), value.as_bytes());
        }
        said.language = said.language.and_then(cut_list);
        said
    }

    /// Whether the page is only fetched ahead, for a person who may never go there.
    pub fn is_ahead(&self) -> bool {
        self.signals.set.has_any(SignalSet::PREFETCH | SignalSet::PRERENDER)
    }

    pub fn is_preview(&self) -> bool {
        self.signals.set.has(SignalSet::PREVIEW)
    }

    /// By length first: of the dozen headers that a browser sends each is compared with few names.
    fn read(&mut self, name: &str, value: &[u8]) {
        let set = &mut self.signals.set;
        match name.len() {
            3 if name == "dnt" && is_one(value) => set.insert(SignalSet::DNT),
            5 if name == "x-moz" => set.insert(purposes(value)),
            6 if name == "accept" => {
                set.insert(SignalSet::ACCEPT);
                if names_html(value) {
                    set.insert(SignalSet::ACCEPT_HTML);
                }
            }
            6 if name == "cookie" && ignored::says_so(value) => set.insert(SignalSet::IGNORED),
            7 if name == "referer" => first(&mut self.referrer, value, MAX_REFERRER),
            7 if name == "purpose" => set.insert(purposes(value)),
            7 if name == "sec-gpc" && is_one(value) => set.insert(SignalSet::GPC),
            9 if name == "sec-ch-ua" => {
                set.insert(SignalSet::BRANDS);
                first(&mut self.hints().brands, value, MAX_HINT);
            }
            9 if name == "x-purpose" => set.insert(purposes(value)),
            10 if name == "user-agent" => first(&mut self.user_agent, value, MAX_USER_AGENT),
            11 if name == "sec-purpose" => set.insert(purposes(value)),
            14 => self.fetched(name, value),
            15 if name == "accept-language" => {
                set.insert(SignalSet::ACCEPT_LANGUAGE);
                add(&mut self.language, value);
            }
            15 if name == "accept-encoding" => set.insert(SignalSet::ACCEPT_ENCODING),
            15 if name == "sec-ch-ua-model" => first(&mut self.hints().model, value, MAX_HINT),
            16 if name == "sec-ch-ua-mobile" && value.trim_ascii() == b"?1" => set.insert(SignalSet::MOBILE),
            16 if name == "x-requested-with" => set.insert(SignalSet::REQUESTED_WITH),
            18 if name == "sec-ch-ua-platform" => first(&mut self.hints().platform, value, MAX_HINT),
            25 if name == "upgrade-insecure-requests" => set.insert(SignalSet::UPGRADE_INSECURE),
            26 if name == "sec-ch-ua-platform-version" => first(&mut self.hints().platform_version, value, MAX_HINT),
            27 if name == "sec-ch-ua-full-version-list" => {
                // Says what `Sec-CH-UA` says, and more, wherever it stands.
                let brands = &mut self.hints().brands;
                *brands = text(value, MAX_HINT).or(brands.take());
            }
            _ => {}
        }
    }

    /// Fetch Metadata.
    fn fetched(&mut self, name: &str, value: &[u8]) {
        let (set, value) = (&mut self.signals.set, value.trim_ascii());
        match name {
            "sec-fetch-mode" => {
                set.insert(SignalSet::FETCH_METADATA);
                if value == b"navigate" {
                    set.insert(SignalSet::NAVIGATION);
                }
            }
            "sec-fetch-dest" if matches!(value, b"document" | b"frame" | b"iframe" | b"fencedframe") => set.insert(SignalSet::DOCUMENT),
            "sec-fetch-user" if value == b"?1" => set.insert(SignalSet::USER_ACTIVATED),
            _ => {}
        }
    }

    fn hints(&mut self) -> &mut ClientHints {
        self.signals.hints.get_or_insert_default()
    }
}

fn is_one(value: &[u8]) -> bool {
    value.trim_ascii() == b"1"
}

fn names_html(accept: &[u8]) -> bool {
    const HTML: &[u8] = b"text/html";
    accept.starts_with(HTML) || accept.windows(HTML.len()).any(|part| part.eq_ignore_ascii_case(HTML))
}

/// What a request is for, in words separated by semicolons or commas (`prefetch;prerender`).
fn purposes(value: &[u8]) -> SignalSet {
    let known = [(&b"prefetch"[..], SignalSet::PREFETCH), (b"prerender", SignalSet::PRERENDER), (b"preview", SignalSet::PREVIEW)];
    let mut set = SignalSet::default();
    for word in value.split(|byte| matches!(byte, b';' | b',')) {
        let word = word.trim_ascii();
        for (_, purpose) in known.iter().filter(|(name, _)| word.eq_ignore_ascii_case(name)) {
            set.insert(*purpose);
        }
    }
    set
}

/// Takes the first value that says something.
fn first(field: &mut Option<String>, value: &[u8], most: usize) {
    if field.is_none() {
        *field = text(value, most);
    }
}

/// A header as text; what is no UTF-8 is replaced, an empty one is none.
fn text(value: &[u8], most: usize) -> Option<String> {
    let value = value.trim_ascii();
    (!value.is_empty()).then(|| bounded(readable(value), most))
}

/// By far most are ASCII, which is told faster than what is to be replaced.
fn readable(value: &[u8]) -> String {
    std::str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value).into_owned(), str::to_owned)
}

pub(crate) fn bounded(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

/// Several lines are one list (RFC 9110, section 5.3).
fn add(list: &mut Option<String>, line: &[u8]) {
    let line = line.trim_ascii();
    match list {
        _ if line.is_empty() => {}
        None => *list = Some(readable(line)),
        Some(list) if list.len() <= MAX_LANGUAGE => {
            list.push_str(", ");
            list.push_str(&readable(line));
        }
        Some(_) => {}
    }
}

/// Of a list that is too long no language is kept in part: without its weight it would come first.
fn cut_list(mut list: String) -> Option<String> {
    if list.len() > MAX_LANGUAGE {
        list = bounded(list, MAX_LANGUAGE + 1);
        list.truncate(list.rfind(',').unwrap_or_default());
    }
    (!list.is_empty()).then_some(list)
}

/// What another said of a visitor, within the same bounds.
pub(crate) fn said_by_another(facts: domain::VisitorFacts) -> Said {
    let within =
        |text: Option<String>, most| text.map(|text| bounded(text.trim().replace('\0', "\u{fffd}"), most)).filter(|text| !text.is_empty());
    Said {
        user_agent: within(facts.user_agent, MAX_USER_AGENT),
        referrer: within(facts.referrer, MAX_REFERRER),
        language: within(facts.language, MAX_LANGUAGE),
        signals: Signals::default(),
    }
}

/// A referrer that came back in a form, within the bound of one in a header.
pub(crate) fn returned_referrer(text: String) -> Option<String> {
    said_by_another(domain::VisitorFacts { referrer: Some(text), ..domain::VisitorFacts::default() }).referrer
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
