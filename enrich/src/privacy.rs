//! What of a click may be kept, by the workspace's settings and the visitor's own wish.
//!
//! Global Privacy Control (<https://www.w3.org/TR/gpc/>), and Do Not Track where the workspace says so,
//! leave a click that is counted and tells no visitor from another. Where consent is required and was not
//! given, a click keeps no more than counts need.

use std::net::IpAddr;

use domain::{
    Address, CapturedClick, Click, ConsentMode, Parameter, Privacy, PrivacyLevel, SignalSet, names_to_drop, without_parameters,
    without_values,
};

use crate::sources::is_click_id;

/// How much of the visitor a click may tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Counted, and nothing of the person.
    Counted,
    /// Not told from other visitors.
    Unlinked,
    Full,
}

pub(crate) fn reach(captured: &CapturedClick, privacy: &Privacy) -> Reach {
    let consented = captured.signals.consent.as_ref().is_some_and(|consent| consent.given);
    if privacy.consent == ConsentMode::Required && !consented {
        Reach::Counted
    } else if is_objecting(captured.signals.set, privacy) {
        Reach::Unlinked
    } else {
        Reach::Full
    }
}

/// Whether the visitor's browser says that nobody is to be followed.
fn is_objecting(signals: SignalSet, privacy: &Privacy) -> bool {
    signals.has(SignalSet::GPC) || privacy.respect_dnt && signals.has(SignalSet::DNT)
}

/// Whether visitors of this click may be told apart.
pub fn may_tell_visitors_apart(captured: &CapturedClick, privacy: &Privacy) -> bool {
    reach(captured, privacy) == Reach::Full
}

/// Takes out of the click what may not be kept, and puts in the address where that may be.
pub(crate) fn reduce(click: &mut Click, captured: &CapturedClick, privacy: &Privacy) {
    let reach = reach(captured, privacy);
    let keep = privacy.keep;
    if reach < Reach::Full {
        click.visitor = None;
    }
    if privacy.level == PrivacyLevel::None || reach == Reach::Counted {
        click.network = None;
    }
    if privacy.level == PrivacyLevel::Full && reach == Reach::Full {
        click.ip = full_address(&captured.address);
    }
    if !keep.city || reach == Reach::Counted {
        (click.place.city, click.place.latitude, click.place.longitude) = (None, None, None);
        click.signals.insert(SignalSet::CITY_LEFT_OUT);
    }
    if !keep.language || reach == Reach::Counted {
        click.language = None;
    }
    if !keep.user_agent || reach == Reach::Counted {
        click.user_agent = None;
    }
    click.referrer = kept_referrer(click.referrer.as_deref(), privacy, reach);
    let passes = |key: &str| !is_click_id(key) && may_keep(key, privacy, reach);
    let gone = names_to_drop(&click.url, passes);
    if !gone.is_empty() {
        click.parameters.retain(|Parameter { key, .. }| passes(key));
        click.url = without_parameters(&click.url, &gone);
        // It may have got them from there.
        click.target = without_parameters(&click.target, &gone);
    }
}

/// The same of a captured click's addresses. Of parameters by which services follow clicks the names stay: they say
/// the channel, which is told when the click is stored.
pub(crate) fn reduce_addresses(click: &mut CapturedClick, privacy: &Privacy, reach: Reach) {
    click.referrer = kept_referrer(click.referrer.as_deref(), privacy, reach);
    let gone = names_to_drop(&click.url, |key| is_click_id(key) || may_keep(key, privacy, reach));
    let valueless = names_to_drop(&click.url, |key| !is_click_id(key));
    for url in [&mut click.url, &mut click.target] {
        if !gone.is_empty() {
            *url = without_parameters(url, &gone);
        }
        if !valueless.is_empty() {
            *url = without_values(url, &valueless);
        }
    }
}

/// Whether a parameter of that name may be kept, beside those by which services follow clicks.
fn may_keep(key: &str, privacy: &Privacy, reach: Reach) -> bool {
    let listed = |names: &[String]| names.iter().any(|name| name == key);
    let allowed = privacy.keep.parameters && privacy.parameters.as_deref().is_none_or(listed);
    allowed && (reach == Reach::Full || listed(&privacy.impersonal_parameters))
}

fn kept_referrer(referrer: Option<&str>, privacy: &Privacy, reach: Reach) -> Option<String> {
    cleaned_referrer(referrer?, privacy.keep.referrer_path && reach > Reach::Counted)
}

fn full_address(address: &Address) -> Option<IpAddr> {
    match address {
        Address::Full(ip) => Some(ip.to_canonical()),
        Address::Unknown | Address::Reduced(_) => None,
    }
}

/// Scheme, host and path of a referrer, without its query, which may hold anything.
fn cleaned_referrer(referrer: &str, with_path: bool) -> Option<String> {
    let mut url = url::Url::parse(referrer).ok().filter(url::Url::has_host)?;
    url.set_query(None);
    url.set_fragment(None);
    // Refused for addresses that have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if !with_path {
        url.set_path("/");
    }
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use domain::{Consent, GeoPlace, KeptFields, Signals, VisitorKey};

    use proptest::prelude::*;

    use super::*;
    use crate::Enricher;

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
        (click.url, click.target, click.referrer) = (captured.url.clone(), captured.target.clone(), captured.referrer.clone());
        (_, click.parameters) = domain::parse_utm(&captured.url, &captured.target);
        reduce(&mut click, captured, privacy);
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
                            let may = key == "utm_source" || key == "qr" && value == "1" || key == "ref" && privacy.parameters.is_some();
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
            query in "((utm_source|ref|mail|qr|FBclid|mc_eid|a%20b)=?[a-c%+]{0,3}&?){0,6}",
            listed in any::<Option<bool>>(),
            path in any::<bool>(),
            objects in any::<bool>(),
        ) {
            let parameters = listed.map(|some| if some { vec!["ref".to_owned()] } else { vec![] });
            let keep = KeptFields { referrer_path: path, ..KeptFields::default() };
            let privacy = Privacy { keep, parameters, impersonal_parameters: vec!["ref".into()], ..Privacy::default() };
            let signals = Signals::of(if objects { SignalSet::GPC } else { SignalSet::default() });
            let click = CapturedClick { url: format!("http://x/a?{query}"), target: format!("https://y/?{query}#part"), signals, ..captured() };
            let enriched = |click: &CapturedClick| Enricher::new(std::sync::Arc::default()).enrich(click, &privacy);
            let mut strict = click.clone();
            crate::reduce_captured(&mut strict, &crate::GeoDatabases::default(), Some(&privacy), None);
            prop_assert_eq!(enriched(&strict), enriched(&click));
            for url in [&strict.url, &strict.target] {
                let kept = url.split(['?', '#']).nth(1).unwrap_or_default();
                for (key, value) in url::form_urlencoded::parse(kept.as_bytes()) {
                    prop_assert!(value.is_empty() || !is_click_id(&key), "{} of {}", key, url);
                    prop_assert!(key != "mail" || privacy.parameters.is_none() && !objects, "{} of {}", key, url);
                }
            }
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
}
