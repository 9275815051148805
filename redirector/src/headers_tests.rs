//! What headers say, whatever they hold.

use hyper::header::{ACCEPT_LANGUAGE, HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn said(lines: &[(&str, &str)]) -> Said {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    Said::of(&headers, false)
}

#[test]
fn texts_are_cut_at_a_character_and_the_first_that_says_something_counts() {
    assert_eq!(bounded("aäb".into(), 2), "a");
    assert_eq!(bounded("aäb".into(), 3), "aä");
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_bytes(b" \xff\xfe ").unwrap());
    headers.insert("referer", HeaderValue::from_static(" "));
    let said = Said::of(&headers, true);
    assert_eq!((said.user_agent.as_deref(), said.referrer), (Some("\u{fffd}\u{fffd}"), None));
    assert_eq!(said.signals.set, SignalSet::TAKEN | SignalSet::SECURE);
    let long = self::said(&[("user-agent", &"a".repeat(999)), ("referer", &"b".repeat(9_999)), ("sec-ch-ua", &"c".repeat(999))]);
    let lengths = (long.user_agent.unwrap().len(), long.referrer.unwrap().len(), long.signals.hints.unwrap().brands.unwrap().len());
    assert_eq!(lengths, (MAX_USER_AGENT, MAX_REFERRER, MAX_HINT));
}

#[test]
fn lines_of_languages_are_one_list() {
    let of = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| ("accept-language", *line)).collect();
        said(&lines).language
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

#[test]
fn each_header_is_one_signal() {
    let set = |name: &str, value: &str| said(&[(name, value)]).signals.set;
    for (name, value, signals) in [
        ("accept", "*/*", SignalSet::ACCEPT),
        ("accept", "text/html,*/*;q=0.8", SignalSet::ACCEPT | SignalSet::ACCEPT_HTML),
        ("accept", "image/png, Text/HTML", SignalSet::ACCEPT | SignalSet::ACCEPT_HTML),
        ("accept-language", "de", SignalSet::ACCEPT_LANGUAGE),
        ("accept-encoding", "gzip", SignalSet::ACCEPT_ENCODING),
        ("sec-fetch-mode", "no-cors", SignalSet::FETCH_METADATA),
        ("sec-fetch-mode", "navigate", SignalSet::FETCH_METADATA | SignalSet::NAVIGATION),
        ("sec-fetch-dest", "document", SignalSet::DOCUMENT),
        ("sec-fetch-dest", "iframe", SignalSet::DOCUMENT),
        ("sec-fetch-dest", "image", SignalSet::default()),
        ("sec-fetch-user", "?1", SignalSet::USER_ACTIVATED),
        ("upgrade-insecure-requests", "1", SignalSet::UPGRADE_INSECURE),
        ("sec-ch-ua", "\"Chromium\";v=\"139\"", SignalSet::BRANDS),
        ("sec-ch-ua-mobile", "?1", SignalSet::MOBILE),
        ("sec-ch-ua-mobile", "?0", SignalSet::default()),
        ("x-requested-with", "com.example.app", SignalSet::REQUESTED_WITH),
        ("sec-purpose", "prefetch", SignalSet::PREFETCH),
        ("sec-purpose", "prefetch;prerender", SignalSet::PREFETCH | SignalSet::PRERENDER),
        ("sec-purpose", "prefetch; anonymous-client-ip", SignalSet::PREFETCH),
        ("purpose", "Prefetch", SignalSet::PREFETCH),
        ("x-purpose", "preview", SignalSet::PREVIEW),
        ("x-moz", "prefetch", SignalSet::PREFETCH),
        ("sec-gpc", "1", SignalSet::GPC),
        ("sec-gpc", "0", SignalSet::default()),
        ("dnt", "1", SignalSet::DNT),
        ("dnt", "null", SignalSet::default()),
        ("cookie", "a=b; ll_ignore=1", SignalSet::IGNORED),
        ("cookie", "ll_ignore=0; xll_ignore=1; ll_ignore=12", SignalSet::default()),
        ("x-forwarded-proto", "https", SignalSet::default()),
    ] {
        assert_eq!(set(name, value), signals | SignalSet::TAKEN, "{name}: {value}");
    }
}

#[test]
fn the_full_list_of_brands_counts_wherever_it_stands() {
    let (short, full) = (("sec-ch-ua", "\"A\";v=\"1\""), ("sec-ch-ua-full-version-list", "\"A\";v=\"1.2.3\""));
    let more = [("sec-ch-ua-platform", "\"Linux\""), ("sec-ch-ua-platform-version", "\"6\""), ("sec-ch-ua-model", "\"\"")];
    for pair in [[short, full], [full, short]] {
        let hints = *said(&[&pair[..], &more].concat()).signals.hints.unwrap();
        let text = |text: &str| Some(text.to_owned());
        let wanted =
            ClientHints { brands: text(full.1), platform: text("\"Linux\""), platform_version: text("\"6\""), model: text("\"\"") };
        assert_eq!(hints, wanted);
    }
    assert_eq!(said(&[("accept", "*/*")]).signals.hints, None);
}

/// The headers that are read for their text, and one that is not.
const NAMES: [&str; 9] = [
    "user-agent",
    "referer",
    "accept-language",
    "sec-ch-ua",
    "sec-ch-ua-full-version-list",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
    "sec-ch-ua-model",
    "x-other",
];

fn is_within(text: &Option<String>, most: usize) -> bool {
    text.as_ref().is_none_or(|text| !text.is_empty() && text.len() <= most && !text.contains('\0'))
}

fn is_bounded(said: &Said) -> bool {
    let hints = said.signals.hints.as_deref().cloned().unwrap_or_default();
    is_within(&said.user_agent, MAX_USER_AGENT)
        && is_within(&said.referrer, MAX_REFERRER)
        && is_within(&said.language, MAX_LANGUAGE)
        && [hints.brands, hints.platform, hints.platform_version, hints.model].iter().all(|hint| is_within(hint, MAX_HINT))
}

proptest! {
    #[test]
    fn any_bytes_are_text_within_its_bounds(lines in vec((select(&NAMES[..]), vec(any::<u8>(), 0..30), 1..150_usize), 0..8)) {
        let lines = lines.iter().filter_map(|(name, bytes, times)| Some((*name, HeaderValue::from_bytes(&bytes.repeat(*times)).ok()?)));
        let headers: HeaderMap = lines.map(|(name, value)| (HeaderName::from_static(name), value)).collect();
        let said = Said::of(&headers, false);
        prop_assert!(is_bounded(&said), "{:?}", said);
    }

    #[test]
    fn what_another_says_is_text_within_its_bounds(part in "(.|\0|ä| |\u{1f600}){0,9}", times in 0..400_usize) {
        let text = Some(part.repeat(times));
        let facts = domain::VisitorFacts { ip: None, user_agent: text.clone(), referrer: text.clone(), language: text.clone() };
        let said = said_by_another(facts);
        prop_assert!(is_bounded(&said), "{:?}", said);
        prop_assert!(is_within(&text.and_then(returned_referrer), MAX_REFERRER));
    }

    /// Lines of languages are one list, of which as many are kept as have room, each whole.
    #[test]
    fn languages_are_kept_whole(lines in vec(vec("[a-z]{2}(-[A-Z]{2})?(;q=0\\.[0-9]{1,3})?", 1..6), 0..20)) {
        let lines: Vec<String> = lines.iter().map(|line| line.join(",")).collect();
        let all = lines.join(", ");
        let headers: HeaderMap = lines.iter().map(|line| (ACCEPT_LANGUAGE, HeaderValue::from_str(line).unwrap())).collect();
        let kept = Said::of(&headers, false).language.unwrap_or_default();
        prop_assert!(all.starts_with(&kept));
        let next = all[kept.len()..].strip_prefix(',').map_or(0, |rest| rest.split(',').next().unwrap_or_default().len() + 1);
        prop_assert_eq!(all.len() == kept.len(), next == 0, "{}", kept);
        prop_assert!(next == 0 || kept.len() + next > MAX_LANGUAGE, "{} of {}", kept, all);
    }
}
