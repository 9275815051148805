//! What requests say beside address and agent: what is captured of it, and what is answered where a page
//! is only fetched ahead.

use std::sync::{Arc, Mutex};

use domain::{ClickLimit, ClientHints, Gate, Method, Outcome, SignalSet, Signals};
use reqwest::header::HeaderMap;

use crate::fixture::{Running, gated, link, sesame, start, start_with};
use crate::logged::{know_key, know_secrets, post, signed_query};
use crate::sources::Counter;

const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
const DAY: i64 = 24 * 3_600 * 1_000;

async fn ask(running: &Running, path: &str, headers: &[(&'static str, &'static str)]) -> reqwest::Response {
    let headers: HeaderMap = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    running.http.get(running.url(path)).header("user-agent", PERSON).headers(headers).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_are_captured_as_signals() {
    let running = start(&["127.0.0.0/8"]).await;
    running.know("a", link("https://example.com/"));
    let browser = [
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("accept-language", "de"),
        ("accept-encoding", "gzip, br"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-user", "?1"),
        ("upgrade-insecure-requests", "1"),
        ("sec-ch-ua", "\"Chromium\";v=\"139\""),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("sec-gpc", "1"),
        ("x-forwarded-proto", "https"),
    ];
    let answer = ask(&running, "/a", &browser).await;
    assert_eq!(answer.status(), 302);
    // What tells more of a browser than it says by itself is not asked for (docs/privacy.md).
    assert!(["accept-ch", "critical-ch"].iter().all(|name| !answer.headers().contains_key(*name)), "{answer:?}");
    assert_eq!(ask(&running, "/a", &[("x-purpose", "preview")]).await.status(), 302);
    let [browser, preview] = running.captured().await.try_into().unwrap();
    let all = [
        SignalSet::TAKEN,
        SignalSet::SECURE,
        SignalSet::ACCEPT,
        SignalSet::ACCEPT_HTML,
        SignalSet::ACCEPT_LANGUAGE,
        SignalSet::ACCEPT_ENCODING,
        SignalSet::FETCH_METADATA,
        SignalSet::NAVIGATION,
        SignalSet::DOCUMENT,
        SignalSet::USER_ACTIVATED,
        SignalSet::UPGRADE_INSECURE,
        SignalSet::BRANDS,
        SignalSet::GPC,
    ];
    assert_eq!(browser.signals.set, all.into_iter().fold(SignalSet::default(), SignalSet::with));
    let hints = ClientHints {
        brands: Some("\"Chromium\";v=\"139\"".into()),
        platform: Some("\"Linux\"".into()),
        platform_version: None,
        model: None,
    };
    assert_eq!((browser.signals.hints, browser.signals.consent), (Some(Box::new(hints)), None));
    assert_eq!(preview.outcome, Outcome::Redirected);
    assert!(preview.signals.set.has(SignalSet::PREVIEW) && !preview.signals.set.has(SignalSet::SECURE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fetched_ahead_is_told_to_come_again_and_uses_nothing_up() {
    let left = Arc::new(Mutex::new(1));
    let running = start_with(&[], Counter::Memory(left)).await;
    running.know("a", link("https://example.com/"));
    let limit = ClickLimit::parse(1).unwrap();
    running.know("one", gated("https://example.com/", Gate { click_limit: Some(limit), ..Gate::default() }));
    running.know("off", gated("https://example.com/", Gate { disabled: true, ..Gate::default() }));
    running.know("word", gated("https://example.com/", Gate { password: Some(sesame()), ..Gate::default() }));
    for (path, header) in [
        ("/a", ("sec-purpose", "prefetch")),
        ("/a?x=1", ("sec-purpose", "prefetch;prerender")),
        ("/a", ("purpose", "prefetch")),
        ("/a", ("x-moz", "prefetch")),
        ("/one", ("sec-purpose", "prefetch")),
    ] {
        let answer = ask(&running, path, &[header]).await;
        assert_eq!(answer.status(), 503, "{path} {header:?}");
        assert_eq!(answer.headers()["cache-control"], "private, no-store");
        assert!(answer.headers().get("location").is_none() && answer.headers().get("retry-after").is_none());
    }
    // The one permit is still there, and what leads nowhere says so ahead as well.
    assert_eq!(ask(&running, "/one", &[]).await.status(), 302);
    running.clock.advance(60_000);
    assert_eq!(ask(&running, "/one", &[("sec-purpose", "prefetch")]).await.status(), 410);
    assert_eq!(ask(&running, "/off", &[("sec-purpose", "prefetch")]).await.status(), 404);
    assert_eq!(ask(&running, "/word", &[("sec-purpose", "prefetch")]).await.status(), 200);
    let clicks = running.captured().await;
    let ahead = &clicks[..5];
    assert!(ahead.iter().all(|click| click.outcome == Outcome::Preview && click.status == 503), "{ahead:?}");
    assert!(ahead.iter().all(|click| click.signals.set.has(SignalSet::PREFETCH) && click.rule.is_none()), "{ahead:?}");
    assert!(ahead[1].signals.set.has(SignalSet::PRERENDER));
    let outcomes: Vec<_> = clicks[5..].iter().map(|click| click.outcome).collect();
    assert_eq!(outcomes, [Outcome::Redirected, Outcome::Limit, Outcome::Disabled, Outcome::Password]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_sent_ahead_is_led_nowhere_either() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    know_secrets(&running, &[("secret", None)]);
    let signed = format!("/r?{}", signed_query("secret", running.clock.now().plus(DAY), &[]));
    let ahead = [("sec-purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")];
    for path in ["/a", &signed] {
        for (name, value) in ahead {
            let head = running.http.head(running.url(path)).header("user-agent", PERSON).header(name, value);
            let answer = head.send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (503, None), "{path} {name}: {value}");
            assert_eq!(answer.headers()["cache-control"], "private, no-store");
        }
        // Whoever only asks for the headers is told where the link leads.
        assert_eq!(running.http.head(running.url(path)).header("user-agent", PERSON).send().await.unwrap().status(), 302);
    }
    let kept: Vec<_> = running.captured().await.iter().map(|click| (click.method, click.outcome, click.status)).collect();
    let each = [[(Method::Head, Outcome::Preview, 503); 4].as_slice(), &[(Method::Head, Outcome::Redirected, 302)]].concat();
    assert_eq!(kept, [each.clone(), each].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_addresses_are_not_fetched_ahead_either_and_servers_say_nothing_of_visitors() {
    let running = start(&[]).await;
    let now = running.clock.now();
    know_secrets(&running, &[("secret", None)]);
    let address = format!("/r?{}", signed_query("secret", now.plus(DAY), &[]));
    assert_eq!(ask(&running, &address, &[("sec-purpose", "prefetch")]).await.status(), 503);
    let answer = ask(&running, &format!("{address}&ll_ignore=1"), &[]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (302, "https://example.com/a?x=1"));
    let key = know_key(&running, |_| {});
    assert_eq!(post(&running, &key, serde_json::json!({ "url": "https://example.com/" })).await.status(), 302);
    let [ahead, own, logged] = running.captured().await.try_into().unwrap();
    assert_eq!((ahead.outcome, ahead.status), (Outcome::Preview, 503));
    assert_eq!((own.outcome, own.url.as_str()), (Outcome::Redirected, "https://go.example/r"));
    assert!(own.signals.set.has(SignalSet::IGNORED | SignalSet::TAKEN));
    assert_eq!(logged.signals, Signals::default());
}
