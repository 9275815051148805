//! What the visitor's URLs say: query parameters, UTM fields, the referrer's host.

use std::borrow::Cow;

use url::{Url, form_urlencoded};

/// Limits on what one click may carry; the rest of a longer query is left out.
const MAX_PARAMETERS: usize = 32;
/// Longer names are cut.
const MAX_PARAMETER_KEY_CHARS: usize = 64;
const MAX_VALUE_CHARS: usize = 512;

/// The parameter by which the QR code of a link makes itself known. It counts as the click's source,
/// and is nothing to the target.
pub const QR_MARKER: &str = "qr=1";
/// What is left in front of a name where `&amp;` was taken for `&`.
const ESCAPED: &str = "amp;";
const QR_SOURCE: &str = "qr";

/// What the names of all campaign fields begin with.
const UTM: &str = "utm_";

pub(crate) fn is_qr_marker(key: &str, value: &str) -> bool {
    QR_MARKER.split_once('=') == Some((key, value))
}

/// One query parameter, decoded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parameter {
    pub key: String,
    pub value: String,
}

/// The five campaign fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Utm {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
}

impl Utm {
    /// The field of this parameter's name.
    pub fn field(&mut self, key: &str) -> Option<&mut Option<String>> {
        match key {
            "utm_source" => Some(&mut self.source),
            "utm_medium" => Some(&mut self.medium),
            "utm_campaign" => Some(&mut self.campaign),
            "utm_term" => Some(&mut self.term),
            "utm_content" => Some(&mut self.content),
            _ => None,
        }
    }

    /// The same of a name as it was written.
    pub(crate) fn meant(&mut self, key: &str) -> Option<&mut Option<String>> {
        let name = meant_name(key);
        // Few begin so, and the others need no copy.
        let is_one = name.get(..UTM.len()).is_some_and(|start| start.eq_ignore_ascii_case(UTM));
        if is_one { self.field(&name.to_ascii_lowercase()) } else { None }
    }

    /// The fields that there are, as query parameters.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("utm_source", &self.source),
            ("utm_medium", &self.medium),
            ("utm_campaign", &self.campaign),
            ("utm_term", &self.term),
            ("utm_content", &self.content),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}

/// The campaign fields of `requested`, each falling back to the target's own, and the other
/// parameters of `requested`. A scanned QR code is a source where `requested` names no other. Both are URLs; a malformed one says nothing.
pub fn parse_utm(requested: &str, target: &str) -> (Utm, Vec<Parameter>) {
    let mut utm = Utm::default();
    let mut others = Vec::new();
    let mut is_scan = false;
    for parameter in parse_query(query_of(requested)) {
        if is_qr_marker(&parameter.key, &parameter.value) {
            is_scan = true;
            continue;
        }
        match utm.meant(&parameter.key) {
            Some(field) if !parameter.value.is_empty() => {
                field.get_or_insert(parameter.value);
            }
            Some(_) => {}
            None => others.push(parameter),
        }
    }
    if is_scan {
        utm.source.get_or_insert(QR_SOURCE.to_owned());
    }
    for parameter in parse_query(query_of(target)) {
        if let Some(field) = utm.meant(&parameter.key).filter(|_| !parameter.value.is_empty()) {
            field.get_or_insert(parameter.value);
        }
    }
    (utm, others)
}

pub(crate) fn query_of(url: &str) -> &str {
    let without_fragment = url.split('#').next().unwrap_or_default();
    without_fragment.split_once('?').map_or("", |(_, query)| query)
}

/// At most 32 parameters, keys cut at 64 and values at 512 characters. U+0000, which PostgreSQL
/// cannot store, becomes U+FFFD.
pub fn parse_query(query: &str) -> Vec<Parameter> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| !key.is_empty())
        .take(MAX_PARAMETERS)
        .map(|(key, value)| Parameter { key: parameter_key(&key), value: clean(&value, MAX_VALUE_CHARS) })
        .collect()
}

/// The name that a parameter was meant to have: without spaces around it, and without the rest of an `&` that was
/// escaped for HTML and not read as such, which is what some mail programs make of links (`?a=1&amp;gclid=2`).
pub fn meant_name(key: &str) -> &str {
    let mut name = key.trim();
    while let Some((start, rest)) = name.split_at_checked(ESCAPED.len())
        && start.eq_ignore_ascii_case(ESCAPED)
    {
        name = rest.trim_start();
    }
    name
}

/// The names of all parameters of a URL, decoded, however many there are.
pub fn parameter_names(url: &str) -> impl Iterator<Item = Cow<'_, str>> {
    form_urlencoded::parse(query_of(url).as_bytes()).map(|(key, _)| key)
}

/// A parameter's name as a click has it.
pub(crate) fn parameter_key(key: &str) -> String {
    clean(key, MAX_PARAMETER_KEY_CHARS)
}

/// All fields of a form, decoded.
pub fn parse_form(body: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(body).into_owned()
}

fn clean(text: &str, max_chars: usize) -> String {
    // No text has more characters than bytes.
    if text.len() <= max_chars && !text.contains('\0') {
        return text.to_owned();
    }
    text.chars().take(max_chars).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

/// The referrer's host in lower case, without `www.`; `None` for anything that is no web address.
pub fn referrer_host(referrer: &str) -> Option<String> {
    host_of_referrer(&Url::parse(referrer).ok()?)
}

/// The same of one that is read already.
pub fn host_of_referrer(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https" | "android-app") {
        return None;
    }
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    (!host.is_empty()).then(|| host.to_owned())
}

/// The target with the visitor's query appended, for links that forward it. Names that the target
/// sets itself stay as they are: a visitor cannot override them. What is appended stays as it was
/// written, in whatever encoding; the result is built by the URL parser. If it grew beyond twice what
/// a target may have, the target alone is used.
pub fn forward_query(target: &str, query: &str) -> String {
    let Ok(mut url) = Url::parse(target) else { return target.to_owned() };
    let own: Vec<String> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
    let passes = |pair: &&str| {
        let read = form_urlencoded::parse(pair.as_bytes()).next();
        read.is_some_and(|(key, value)| !is_qr_marker(&key, &value) && !own.iter().any(|own| *own == key))
    };
    let new: Vec<&str> = query.split('&').filter(passes).collect();
    if new.is_empty() {
        return target.to_owned();
    }
    let before = url.query().filter(|query| !query.is_empty()).map(|query| format!("{query}&")).unwrap_or_default();
    let query = before + &new.join("&");
    url.set_query(Some(&query));
    if url.as_str().len() > 2 * crate::MAX_TARGET_BYTES { target.to_owned() } else { url.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utm_of_the_click_wins_over_the_targets() {
        let (utm, others) = parse_utm(
            "http://x/abc?utm_source=mail&UTM_Medium=cpc&n=1&utm_term=",
            "https://example.com/?utm_source=site&utm_campaign=spring#utm_content=no",
        );
        assert_eq!(utm.source.as_deref(), Some("mail"));
        assert_eq!(utm.medium.as_deref(), Some("cpc"));
        assert_eq!(utm.campaign.as_deref(), Some("spring"));
        assert_eq!((utm.term, utm.content), (None, None));
        assert_eq!(others, vec![Parameter { key: "n".into(), value: "1".into() }]);
    }

    #[test]
    fn a_scan_is_a_source_and_nothing_to_the_target() {
        let source = |requested| parse_utm(requested, "https://example.com/?utm_source=site");
        assert_eq!(source("http://x/abc?qr=1").0.source.as_deref(), Some("qr"));
        assert_eq!(source("http://x/abc?qr=1").1, []);
        assert_eq!(source("http://x/abc?qr=1&utm_source=poster").0.source.as_deref(), Some("poster"));
        let other = Parameter { key: "qr".into(), value: "2".into() };
        assert_eq!(source("http://x/abc?qr=2"), (Utm { source: Some("site".into()), ..Utm::default() }, vec![other]));
        assert_eq!(forward_query("https://example.com/", "qr=1&a=1"), "https://example.com/?a=1");
        assert_eq!(forward_query("https://example.com/", "qr=1"), "https://example.com/");
        assert_eq!(forward_query("https://example.com/", "qr=2"), "https://example.com/?qr=2");
    }

    #[test]
    fn names_that_were_escaped_or_padded_are_what_they_were_meant_to_be() {
        for key in ["gclid", "amp;gclid", "AMP;gclid", "amp;amp;gclid", " gclid\t", "amp; gclid", "\u{a0}gclid"] {
            assert_eq!(meant_name(key), "gclid", "{key:?}");
        }
        for key in ["", "amp", "ampgclid", "äöü"] {
            assert_eq!(meant_name(key), key);
        }
        let (utm, others) = parse_utm("http://x/abc?n=1&amp;utm_source=mail&amp;m=2&+UTM_medium=email", "https://e.com/?x&amp;utm_term=t");
        assert_eq!((utm.source.as_deref(), utm.medium.as_deref(), utm.term.as_deref()), (Some("mail"), Some("email"), Some("t")));
        assert_eq!(others.iter().map(|parameter| parameter.key.as_str()).collect::<Vec<_>>(), ["n", "amp;m"]);
        // By the URL standard the rest is a value.
        assert_eq!(parse_query("a=1;gclid=2"), [Parameter { key: "a".into(), value: "1;gclid=2".into() }]);
    }

    #[test]
    fn hostile_queries_stay_bounded() {
        let query: String = (0..1_000).map(|i| format!("k{i}={}&", "v".repeat(600))).collect();
        let parsed = parse_query(&query);
        assert_eq!(parsed.len(), 32);
        assert!(parsed.iter().all(|p| p.value.len() == 512));
        assert_eq!(parse_query("a=%00b&=x&&%ff=%ff")[0].value, "\u{fffd}b");
    }

    #[test]
    fn referrers() {
        assert_eq!(referrer_host("https://www.News.example.com/x?y").as_deref(), Some("news.example.com"));
        assert_eq!(referrer_host("android-app://com.slack/").as_deref(), Some("com.slack"));
        for text in ["", "about:blank", "javascript:1", "data:text/html,x", "not a url"] {
            assert_eq!(referrer_host(text), None, "{text}");
        }
    }

    #[test]
    fn a_visitor_adds_but_never_overrides() {
        assert_eq!(forward_query("https://example.com/?a=1", "a=2&b=%0d%0aSet-Cookie"), "https://example.com/?a=1&b=%0d%0aSet-Cookie");
        assert_eq!(forward_query("https://example.com/?a=1", "%61=2"), "https://example.com/?a=1");
        // As it was written: a name alone, another encoding, a semicolon; but never what ends a query.
        assert_eq!(forward_query("https://example.com/#top", "n&l=%E4&&x=1;y=2+3"), "https://example.com/?n&l=%E4&x=1;y=2+3#top");
        assert_eq!(forward_query("https://example.com/", "a=\"#b"), "https://example.com/?a=%22%23b");
        assert_eq!(forward_query("https://example.com/", ""), "https://example.com/");
    }
}
