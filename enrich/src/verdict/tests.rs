//! Which verdicts come of which agents and headers: machines that say so, people whatever their browser.

use domain::{AutonomousSystem, Click, Signals, Verdict::*, VerdictReason::*};
use proptest::prelude::*;

use super::*;
use crate::Enricher;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const INSTAGRAM: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 334.0.0.0";
const WEB_VIEW: &str =
    "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36";

/// What a browser sends over any connection.
fn general() -> SignalSet {
    SignalSet::TAKEN | SignalSet::ACCEPT | SignalSet::ACCEPT_LANGUAGE | SignalSet::ACCEPT_ENCODING
}

fn of(agent: &str) -> (Verdict, VerdictReason) {
    judge(&Evidence::of_request(Method::Get, Some(agent))).unwrap()
}

fn with(agent: &str, signals: SignalSet) -> (Verdict, VerdictReason) {
    judge(&Evidence { signals, ..Evidence::of_request(Method::Get, Some(agent)) }).unwrap()
}

#[test]
fn machines_that_say_so() {
    let cases = [
        ("curl/8.5.0", HttpLibrary),
        ("Wget/1.21", HttpLibrary),
        ("python-requests/2.31", HttpLibrary),
        ("Go-http-client/2.0", HttpLibrary),
        ("okhttp/4.12.0", HttpLibrary),
        ("Java/17", HttpLibrary),
        ("libwww-perl/6", HttpLibrary),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Crawler),
        (
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Crawler,
        ),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", LinkPreview),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", LinkPreview),
        ("WhatsApp/2.23.20.0", LinkPreview),
        ("TelegramBot (like TwitterBot)", LinkPreview),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", AiCrawler),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", AiCrawler),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot", AiAssistant),
        ("Mozilla/5.0 (compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)", AiAssistant),
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", Monitor),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36", Headless),
        ("shop-importer", NotABrowser),
        ("Mozilla/5.0", NotABrowser),
    ];
    for (agent, reason) in cases {
        assert_eq!(of(agent), (Bot, reason), "{agent}");
    }
    assert_eq!(judge(&Evidence::of_request(Method::Get, None)), Some((Bot, NoUserAgent)));
    assert_eq!(judge(&Evidence::of_request(Method::Head, Some(CHROME))), Some((Bot, HeadRequest)));
}

#[test]
fn services_that_show_cards_are_machines_and_search_engines_are_none_of_them() {
    for agent in [
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "WhatsApp/2.23.20.0",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.example/)",
    ] {
        assert!(is_unfurler(agent) && of(agent) == (Bot, LinkPreview), "{agent}");
    }
    for agent in
        ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (compatible; bingbot/2.0)", "curl/8.5.0"]
    {
        assert!(!is_unfurler(agent), "{agent}");
    }
}

#[test]
fn people_even_in_odd_browsers() {
    for agent in [
        CHROME,
        FIREFOX,
        SAFARI,
        INSTAGRAM,
        WEB_VIEW,
        "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 7.0; M bot 60 Build/NRD90M; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/67.0.3396.87 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 7.0; SM-A520F Build/NRD90M) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/62.0.3202.101 Mobile Safari/537.36 (Ecosia android@62.0.3202.101)",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80/37.6423; U; en) Presto/2.12.423 Version/12.16",
    ] {
        assert_eq!(of(agent), (Human, NoSignal), "{agent}");
    }
}

#[test]
fn what_a_browser_fetches_ahead_is_no_click() {
    for (signal, reason) in
        [(SignalSet::PREFETCH, Prefetch), (SignalSet::PRERENDER | SignalSet::PREFETCH, Prerender), (SignalSet::PREVIEW, Preview)]
    {
        assert_eq!(with(CHROME, signal), (Bot, reason));
    }
}

#[test]
fn the_workspaces_own_are_internal_whatever_they_are() {
    let captured = |ip: &str, set| CapturedClick {
        user_agent: Some("curl/8.5.0".into()),
        address: Address::Full(ip.parse().unwrap()),
        signals: Signals::of(set),
        ..crate::tests::captured()
    };
    let privacy = Privacy { own_networks: vec!["203.0.113.0/24".parse().unwrap()], ..Privacy::default() };
    let enriched = |click: &CapturedClick| Enricher::new(std::sync::Arc::default()).enrich(click, &privacy);
    let judged = |click: &CapturedClick| (enriched(click).verdict, enriched(click).verdict_reason);
    for ip in ["203.0.113.9", "::ffff:203.0.113.9"] {
        assert_eq!(judged(&captured(ip, SignalSet::default())), (Internal, OwnTraffic));
    }
    assert_eq!(judged(&captured("198.51.100.1", SignalSet::IGNORED)), (Internal, OwnTraffic));
    assert_eq!(judged(&captured("198.51.100.1", SignalSet::default())), (Bot, HttpLibrary));
    let stored = enriched(&captured("203.0.113.9", SignalSet::default()));
    assert_eq!(judge_again(&JudgedClick::from(&stored)), (Internal, OwnTraffic));
    assert_eq!(stored.rules_version, RULES_VERSION);
}

#[test]
fn headers_that_a_browser_would_send_are_missed_and_foreign_ones_seen() {
    let secure = general() | SignalSet::SECURE;
    let navigation = SignalSet::FETCH_METADATA | SignalSet::NAVIGATION | SignalSet::UPGRADE_INSECURE;
    // Complete, or not to be expected over an open connection.
    for (agent, signals) in [
        (CHROME, secure | navigation | SignalSet::BRANDS),
        (CHROME, general()),
        (FIREFOX, secure | navigation),
        (FIREFOX, general()),
        (SAFARI, secure | navigation),
        (SAFARI, secure),
    ] {
        assert_eq!(with(agent, signals), (Human, NoSignal), "{agent} {signals:?}");
    }
    assert_eq!(with(CHROME, secure), (Suspected, MissingHeaders));
    assert_eq!(with(FIREFOX, secure), (Suspected, MissingHeaders));
    assert_eq!(with(SAFARI, SignalSet::TAKEN | SignalSet::SECURE | SignalSet::ACCEPT), (Suspected, MissingHeaders));
    assert_eq!(with(CHROME, SignalSet::TAKEN | SignalSet::ACCEPT), (Suspected, MissingHeaders));
    assert_eq!(with(FIREFOX, secure | navigation | SignalSet::BRANDS), (Suspected, Contradiction));
    assert_eq!(with(CHROME, secure | SignalSet::FETCH_METADATA | SignalSet::BRANDS), (Suspected, PartOfAPage));
    // Nothing was taken down, so nothing is missing.
    assert_eq!(with(CHROME, SignalSet::SECURE), (Human, NoSignal));
}

#[test]
fn apps_and_web_views_are_accused_of_nothing_for_their_headers() {
    for agent in [INSTAGRAM, WEB_VIEW] {
        for signals in
            [SignalSet::TAKEN | SignalSet::SECURE, SignalSet::TAKEN | SignalSet::SECURE | SignalSet::BRANDS | SignalSet::FETCH_METADATA]
        {
            assert_eq!(with(agent, signals), (Human, NoSignal), "{agent}");
        }
    }
    assert_eq!(with(CHROME, SignalSet::TAKEN | SignalSet::SECURE | SignalSet::REQUESTED_WITH), (Human, NoSignal));
}

#[test]
fn stored_clicks_are_judged_again_as_far_as_they_tell() {
    let enriched = |agent: Option<&str>, above_rate| {
        let captured = CapturedClick { user_agent: agent.map(str::to_owned), above_rate, ..crate::tests::captured() };
        Enricher::new(std::sync::Arc::default()).enrich(&captured, &Privacy::default())
    };
    for (agent, above_rate) in [(Some(CHROME), false), (Some(CHROME), true), (Some("curl/8.5.0"), true), (None, false)] {
        let click = enriched(agent, above_rate);
        assert_eq!(judge_again(&JudgedClick::from(&click)), (click.verdict, click.verdict_reason), "{agent:?}");
    }
    // By older rules, which did not know it.
    let old = Click { verdict: Human, verdict_reason: NoSignal, ..enriched(Some("curl/8.5.0"), false) };
    assert_eq!(judge_again(&JudgedClick::from(&old)), (Bot, HttpLibrary));
    // Without its user agent what was said stays, but for what does not take one.
    let unkept = Click { user_agent: None, ..enriched(Some("curl/8.5.0"), false) };
    assert_eq!(judge_again(&JudgedClick::from(&unkept)), (Bot, HttpLibrary));
    assert_eq!(judge_again(&JudgedClick::from(&Click { signals: SignalSet::PREFETCH, ..unkept })), (Bot, Prefetch));
}

#[test]
fn a_data_centre_alone_makes_nobody_a_machine_and_a_relay_nobody_suspected() {
    let from = |network, signals| judge(&Evidence { network, signals, ..Evidence::of_request(Method::Get, Some(SAFARI)) }).unwrap();
    let bare = SignalSet::TAKEN | SignalSet::SECURE | SignalSet::ACCEPT;
    assert_eq!(from(NetworkClass::Hosting, general()), (Suspected, DataCentre));
    assert_eq!(from(NetworkClass::Hosting, bare), (Bot, MissingHeaders));
    for network in [NetworkClass::Relay, NetworkClass::Unknown] {
        assert_eq!((from(network, general()), from(network, bare)), ((Human, NoSignal), (Suspected, MissingHeaders)), "{network:?}");
    }
    let above = Evidence { network: NetworkClass::Hosting, above_rate: true, ..Evidence::of_request(Method::Get, Some(SAFARI)) };
    assert_eq!(judge(&above), Some((Bot, Rate)));
    // As it is stored: the number tells the class.
    let stored = |number| {
        let click = Enricher::new(std::sync::Arc::default())
            .enrich(&CapturedClick { user_agent: Some(SAFARI.into()), ..crate::tests::captured() }, &Privacy::default());
        judge_again(&JudgedClick::from(&Click { system: Some(AutonomousSystem { number, name: None }), ..click }))
    };
    assert_eq!((stored(24_940), stored(13_335)), ((Suspected, DataCentre), (Human, NoSignal)));
}

proptest! {
    #[test]
    fn any_agent_is_judged(agent in ".{0,300}", known in "(bot|Mozilla/5\\.0 \\(|Android |@|Chrome/|compatible;|[A-Za-z0-9@./;() ]){0,60}") {
        for text in [agent, known] {
            prop_assert_ne!(of(&text).0, Internal);
        }
    }
}
