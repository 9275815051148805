//! What is left of a click, by settings and wishes, captured either way.

use domain::{Consent, GeoPlace, KeptFields, Signals, VisitorKey};

use proptest::prelude::*;

use super::*;
use crate::Enricher;
use crate::tests::logged;

fn captured() -> CapturedClick {
    CapturedClick {
        url: "http://x/a?utm_source=n&ref=7&mail=ada%40example.com&fbclid=F1".into(),
        target: "https://y/?own=1&ref=7&mail=ada%40example.com#part".into(),
        address: Address::Full([203, 0, 113, 77].into()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0".into()),
        referrer: Some("https://user:word@news.example/story?token=1#part".into()),
        accept_language: Some("de".into()),
        ..crate::tests::captured()
    }
}

fn enriched(captured: &CapturedClick, privacy: &Privacy) -> Click {
    let mut click = Enricher::new(std::sync::Arc::default()).enrich(captured, &Privacy::default());
    // As with a database and a salt.
    click.place = GeoPlace { country: Some("DE".into()), city: Some("Berlin".into()), latitude: Some(52.5), ..GeoPlace::default() };
    click.visitor = Some(VisitorKey { key: "v".into(), recipe: 1 });
    (click.url, click.target) = (captured.url.clone(), captured.target.clone());
    (_, click.parameters) = domain::parse_utm(&captured.url, &captured.target);
    reduce(&mut click, captured, captured.referrer.as_deref().and_then(read), privacy);
    click
}

#[test]
fn by_default_the_network_is_kept_and_no_address_click_id_or_referrers_query() {
    let click = enriched(&captured(), &Privacy::default());
    assert_eq!((click.network.as_deref(), click.ip), (Some("203.0.113.0/24"), None));
    assert_eq!(click.referrer.as_deref(), Some("https://news.example/story"));
    assert_eq!(click.url, "http://x/a?utm_source=n&ref=7&mail=ada%40example.com");
    assert_eq!(click.parameters.iter().map(|parameter| parameter.key.as_str()).collect::<Vec<_>>(), ["ref", "mail"]);
    assert!(click.visitor.is_some() && click.user_agent.is_some());
}

#[test]
fn levels_decide_about_the_address() {
    let of = |level| enriched(&captured(), &Privacy { level, ..Privacy::default() });
    let none = of(PrivacyLevel::None);
    assert_eq!((none.network, none.ip, none.place.country.as_deref()), (None, None, Some("DE")));
    let full = of(PrivacyLevel::Full);
    assert_eq!((full.network.as_deref(), full.ip), (Some("203.0.113.0/24"), Some([203, 0, 113, 77].into())));
}

#[test]
fn switched_off_fields_and_parameters_that_are_not_listed_are_left_out_everywhere() {
    let keep = KeptFields { referrer_path: false, user_agent: false, city: false, language: false, parameters: true };
    let click = enriched(&captured(), &Privacy { keep, parameters: Some(vec!["ref".into()]), ..Privacy::default() });
    assert_eq!((click.user_agent.as_deref(), click.language.as_deref(), click.place.city.as_deref()), (None, None, None));
    assert_eq!((click.browser.as_deref(), click.place.latitude), (Some("Firefox"), None));
    assert_eq!(click.referrer.as_deref(), Some("https://news.example/"));
    assert_eq!((click.url.as_str(), click.target.as_str()), ("http://x/a?utm_source=n&ref=7", "https://y/?own=1&ref=7#part"));
    let none = KeptFields { parameters: false, ..KeptFields::default() };
    let click = enriched(&captured(), &Privacy { keep: none, ..Privacy::default() });
    assert_eq!((click.url.as_str(), click.parameters.len()), ("http://x/a?utm_source=n", 0));
}

proptest! {
    /// However a query is written, and however long it is.
    #[test]
    fn of_a_query_nothing_stays_that_may_not(query in "([a-c]|utm_source|ref|%00|%20|\\+|=|&|;|%|e%6Dail|ä|qr=1|fbclid=){0,80}") {
        let long: String = (0..40).map(|number| format!("k{number}=v&")).collect();
        let (listed, none) = (Some(vec!["ref".to_owned()]), KeptFields { parameters: false, ..KeptFields::default() });
        for privacy in [
            Privacy { keep: none, ..Privacy::default() },
            Privacy { parameters: listed.clone(), ..Privacy::default() },
        ] {
            for before in ["", &long] {
                let url = format!("http://x/a?{before}{query}");
                let click = enriched(&CapturedClick { target: url.clone(), url, ..captured() }, &privacy);
                for stored in [&click.url, &click.target] {
                    let kept = stored.split_once('?').map_or("", |(_, query)| query);
                    for (key, value) in url::form_urlencoded::parse(kept.as_bytes()) {
                        let may = domain::meant_name(&key) == "utm_source" || key == "qr" && value == "1" || key == "ref" && privacy.parameters.is_some();
                        prop_assert!(may, "{} of {}", key, stored);
                    }
                }
            }
        }
    }
}

proptest! {
    /// Captured strictly, a click is stored as any other, and holds nothing before that which is not kept.
    #[test]
    fn strict_capture_changes_nothing_that_is_kept(
        query in "((amp;|\\+)?(utm_source|ref|mail|qr|FBclid|mc_eid|a%20b)=?[a-c1%+]{0,3}&?){0,6}",
        own in "((amp;|\\+)?(utm_source|ref|mail|qr|FBclid|mc_eid|a%20b)=?[a-c1%+]{0,3}&?){0,6}",
        listed in any::<Option<bool>>(),
        path in any::<bool>(),
        is_logged in any::<bool>(),
        objects in any::<bool>(),
    ) {
        let parameters = listed.map(|some| if some { vec!["ref".to_owned()] } else { vec![] });
        let keep = KeptFields { referrer_path: path, ..KeptFields::default() };
        let privacy = Privacy { keep, parameters, impersonal_parameters: vec!["ref".into()], ..Privacy::default() };
        let signals = Signals::of(if objects { SignalSet::GPC } else { SignalSet::default() });
        let link = if is_logged { crate::tests::logged().link } else { captured().link };
        let target = format!("https://y/?{own}&{query}#part");
        let click = CapturedClick { link, url: format!("http://x/a?{query}"), target, signals, ..captured() };
        let enriched = |click: &CapturedClick| Enricher::new(std::sync::Arc::default()).enrich(click, &privacy);
        let mut strict = click.clone();
        crate::reduce_captured(&mut strict, &crate::GeoDatabases::default(), Some(&privacy), None);
        prop_assert_eq!(enriched(&strict), enriched(&click));
        for (url, is_visitors) in [(&strict.url, true), (&strict.target, is_logged)] {
            let kept = url.split(['?', '#']).nth(1).unwrap_or_default();
            for (key, value) in url::form_urlencoded::parse(kept.as_bytes()) {
                prop_assert!(value.is_empty() || !is_click_id(&key), "{} of {}", key, url);
                prop_assert!(!is_visitors || domain::meant_name(&key) != "mail" || privacy.parameters.is_none() && !objects, "{} of {}", key, url);
            }
        }
    }
}

#[test]
fn the_target_of_a_click_without_a_link_keeps_no_more_than_the_short_url() {
    let target = "https://y/?own=1&ref=7&mail=ada%40example.com&amp;gclid=G1&utm_source=n#part";
    let of = |click: CapturedClick, privacy: &Privacy| enriched(&CapturedClick { target: target.into(), ..click }, privacy).target;
    let (listed, objects) = (Some(vec!["ref".to_owned()]), Signals::of(SignalSet::GPC));
    let all = Privacy { impersonal_parameters: vec!["ref".into()], ..Privacy::default() };
    let some = Privacy { parameters: listed, ..Privacy::default() };
    let none = Privacy { keep: KeptFields { parameters: false, ..KeptFields::default() }, ..Privacy::default() };
    let asking = Privacy { consent: ConsentMode::Required, ..Privacy::default() };
    assert_eq!(of(logged(), &all), "https://y/?own=1&ref=7&mail=ada%40example.com&utm_source=n#part");
    assert_eq!(of(logged(), &some), "https://y/?ref=7&utm_source=n#part");
    assert_eq!(of(CapturedClick { signals: objects, ..logged() }, &all), "https://y/?ref=7&utm_source=n#part");
    for privacy in [&none, &asking] {
        assert_eq!(of(logged(), privacy), "https://y/?utm_source=n#part");
        // A link's own is its author's, but for what follows clicks.
        assert_eq!(of(crate::tests::captured(), privacy), "https://y/?own=1&ref=7&mail=ada%40example.com&utm_source=n#part");
    }
    let mut strict = CapturedClick { target: target.into(), ..logged() };
    crate::reduce_captured(&mut strict, &crate::GeoDatabases::default(), Some(&some), None);
    assert_eq!(strict.target, "https://y/?ref=7&amp;gclid&utm_source=n#part");
    assert_eq!(Enricher::new(std::sync::Arc::default()).enrich(&strict, &some).channel, Some(domain::Channel::Campaign));
}

#[test]
fn click_ids_are_not_kept_however_they_are_written() {
    for id in ["amp%3Bgclid=X", "gclid%20=X", "amp;gclid=X", "AMP;GCLID=X", "+gclid=X", "amp;amp;gclid=X"] {
        let url = format!("http://x/a?{id}&a=1");
        let click = enriched(&CapturedClick { target: url.clone(), url, ..captured() }, &Privacy::default());
        assert_eq!((click.url.as_str(), click.target.as_str(), click.parameters.len()), ("http://x/a?a=1", "http://x/a?a=1", 1), "{id}");
    }
}

#[test]
fn what_a_click_has_no_room_for_goes_as_well() {
    let none = Privacy { keep: KeptFields { parameters: false, ..KeptFields::default() }, ..Privacy::default() };
    let listed = Privacy { parameters: Some(vec!["ref".into()]), ..Privacy::default() };
    let long: String = (0..32).map(|number| format!("k{number}=v&")).collect();
    for tail in ["email=ada%40example.com&gclid=C1", "=ada%40example.com", "a%00b=ada%40example.com", "ada%40example.com"] {
        for (privacy, before) in [(&none, ""), (&none, long.as_str()), (&listed, ""), (&listed, long.as_str())] {
            let url = format!("http://x/a?{before}{tail}");
            let click = enriched(&CapturedClick { target: url.clone(), url, ..captured() }, privacy);
            assert_eq!((click.url.as_str(), click.target.as_str()), ("http://x/a", "http://x/a"), "{before}{tail}");
        }
    }
    let url = format!("http://x/a?{long}gclid=C1&email=ada");
    let click = enriched(&CapturedClick { url, ..captured() }, &Privacy::default());
    assert_eq!(click.url, format!("http://x/a?{long}email=ada"));
}

#[test]
fn who_objects_is_counted_and_not_told_from_others() {
    let privacy = Privacy { level: PrivacyLevel::Full, impersonal_parameters: vec!["ref".into()], ..Privacy::default() };
    let with = |set| CapturedClick { signals: Signals::of(set), ..captured() };
    let click = enriched(&with(SignalSet::GPC), &privacy);
    assert_eq!((click.visitor, click.ip, click.network.as_deref()), (None, None, Some("203.0.113.0/24")));
    assert_eq!(click.url, "http://x/a?utm_source=n&ref=7");
    assert!(enriched(&with(SignalSet::DNT), &privacy).visitor.is_some());
    assert!(enriched(&with(SignalSet::DNT), &Privacy { respect_dnt: true, ..privacy }).visitor.is_none());
}

#[test]
fn without_the_consent_that_is_required_a_click_is_only_counted() {
    let privacy = Privacy { consent: ConsentMode::Required, level: PrivacyLevel::Full, ..Privacy::default() };
    let click = enriched(&captured(), &privacy);
    assert_eq!((click.visitor, click.ip, click.network, click.user_agent, click.language), (None, None, None, None, None));
    assert_eq!((click.place.city, click.referrer.as_deref()), (None, Some("https://news.example/")));
    assert_eq!((click.browser.as_deref(), click.place.country.as_deref()), (Some("Firefox"), Some("DE")));
    let consent = Some(Box::new(Consent { given: true, visitor: Some("id".into()) }));
    let consented = CapturedClick { signals: Signals { consent, ..Signals::default() }, ..captured() };
    assert!(enriched(&consented, &privacy).ip.is_some());
}
