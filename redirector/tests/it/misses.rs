//! Requests for slugs that are no link: which are taken down, with what, and how many of them.

use domain::{Address, CapturedMiss, DomainSettings, LossReason, Method, SignalSet, TargetUrl, Verdict};
use platform::config::Capture;
use redirector::RateLimits;
use stream::Delivery;
use testkit::wait_until;

use crate::domains::{know_on, serve};
use crate::fixture::{NOON, Running, Setup, full, link, start, start_as};
use crate::logged::{PATIENCE, know_secrets, workspace};

const HOST: &str = "go.acme.example";
const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

async fn ask(running: &Running, host: &str, path: &str, from: &str) -> u16 {
    let request = running.http.get(running.url(path)).header("host", host).header("user-agent", PERSON).header("x-forwarded-for", from);
    request.send().await.unwrap().status().as_u16()
}

fn slugs(misses: &[CapturedMiss]) -> Vec<Option<&str>> {
    misses.iter().map(|miss| miss.slug.as_deref()).collect()
}

/// All that was captured or counted so far: misses that are kept, and those that are not.
async fn told(running: &Running) -> (usize, u64) {
    let deliveries = running.delivered().await;
    let kept = deliveries.iter().map(|delivery| delivery.frame.records.len()).sum();
    let losses = deliveries.iter().flat_map(|delivery| delivery.frame.losses.clone());
    let lost = losses.inspect(|loss| assert_eq!((loss.reason, loss.workspace, loss.minute % 60), (LossReason::Miss, workspace(), 0)));
    (kept, lost.map(|loss| loss.count).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_miss_on_an_own_domain_is_taken_down_before_it_is_answered() {
    let running = start(&["127.0.0.0/8"]).await;
    serve(&running, HOST, 7, DomainSettings::default());
    know_on(&running, 7, "sale", link("https://example.com/"));
    for (path, status) in [("/Sael", 404), ("/sael+", 404), ("/sael/qr.svg", 404), ("/a/b", 404), ("/sale", 302)] {
        assert_eq!(ask(&running, HOST, path, "203.0.113.9").await, status, "{path}");
    }
    let head = running.http.head(running.url("/sael")).header("host", HOST).header("sec-gpc", "1").send().await.unwrap();
    assert_eq!(head.status(), 404);
    let misses = running.missed().await;
    assert_eq!(slugs(&misses), [Some("sael"), Some("sael"), Some("sael"), None, Some("sael")]);
    assert_eq!(running.captured().await.len(), 1);
    let [first, .., last] = &misses[..] else { panic!("{misses:?}") };
    assert_eq!((first.workspace, first.id.made_at(), first.method), (workspace(), NOON, Method::Get));
    assert_eq!((&first.address, first.user_agent.as_deref()), (&full("203.0.113.9"), Some(PERSON)));
    assert_eq!((last.method, last.signals.has(SignalSet::GPC)), (Method::Head, true));
    assert_eq!(running.metric("redirector_domain_misses_total"), 5);
    assert_eq!(running.metric("redirector_clicks_total"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_domain_leads_those_who_are_lost_they_are_told_of_too() {
    let running = start(&[]).await;
    let not_found = Some(TargetUrl::from_store("https://acme.example/".to_owned()));
    serve(&running, HOST, 7, DomainSettings { not_found, case_sensitive: true, ..DomainSettings::default() });
    assert_eq!(ask(&running, HOST, "/Sael", "203.0.113.9").await, 302);
    assert_eq!(slugs(&running.missed().await), [Some("Sael")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_followed_a_link_to_is_no_miss() {
    let running = start(&[]).await;
    serve(&running, HOST, 7, DomainSettings::default());
    for path in ["/", "/robots.txt", "/favicon.ico", "/favicon-32x32.png", "/sitemap.xml", "/.well-known/assetlinks.json"] {
        ask(&running, HOST, path, "203.0.113.9").await;
    }
    let post = running.http.post(running.url("/sael")).header("host", HOST).send().await.unwrap();
    assert_eq!(post.status(), 405);
    // Nobody's, or the operator's.
    for host in ["go.example", "evil.example"] {
        assert_eq!(ask(&running, host, "/sael", "203.0.113.9").await, 404);
    }
    assert_eq!(ask(&running, HOST, "/last", "203.0.113.9").await, 404);
    assert_eq!(slugs(&running.missed().await), [Some("last")]);
    assert_eq!(running.metric("redirector_misses_total"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_few_misses_kept_and_takes_none_from_others() {
    let running = start_as(Setup { trusted_proxies: &["127.0.0.0/8"], ..Setup::default() }).await;
    serve(&running, HOST, 7, DomainSettings::default());
    let (burst, asked) = (10 * RateLimits::MISSES_KEPT_OF_ADDRESS, 60);
    for number in 0..asked {
        assert_eq!(ask(&running, HOST, &format!("/s{number}"), "203.0.113.9").await, 404);
    }
    let (kept, lost) = told(&running).await;
    // They are no lost clicks.
    assert!(!running.metrics.encode().contains("reason=\"miss\""));
    assert_eq!(kept as u64 + lost, asked);
    assert!((u64::from(burst)..asked).contains(&(kept as u64)), "{kept} of {asked}");
    assert_eq!(running.metric("spool_misses_not_kept_total"), lost);
    for number in 0..5 {
        assert_eq!(ask(&running, HOST, "/other", &format!("198.51.100.{number}")).await, 404);
    }
    let others = running.missed().await.iter().filter(|miss| miss.slug.as_deref() == Some("other")).count();
    assert_eq!(others, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_guesses_at_one_domain_has_some_kept_and_none_of_another_is_lost() {
    let running = start_as(Setup { trusted_proxies: &["127.0.0.0/8"], ..Setup::default() }).await;
    serve(&running, HOST, 7, DomainSettings::default());
    serve(&running, "quiet.example", 8, DomainSettings::default());
    let (burst, mut asked) = (u64::from(10 * RateLimits::MISSES_KEPT_OF_DOMAIN), 0);
    while running.metric("spool_misses_not_kept_total") < 20 {
        let from = format!("10.{}.{}.7", asked / 250 + 1, asked % 250);
        assert_eq!(ask(&running, HOST, "/guess", &from.replacen("10.", "93.", 1)).await, 404);
        asked += 1;
        assert!(asked < 20_000, "nothing is ever too much");
    }
    assert_eq!(ask(&running, "quiet.example", "/mine", "203.0.113.9").await, 404);
    let (kept, lost) = told(&running).await;
    assert_eq!((kept as u64 + lost, lost), (asked + 1, 20));
    assert!(kept as u64 > burst);
    assert_eq!(running.missed().await.iter().filter(|miss| miss.slug.as_deref() == Some("mine")).count(), 1);
}

/// The last quarter of the spool is for clicks alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_miss_takes_the_room_of_a_click() {
    // No miss is refused for coming too often, so that each has its try.
    let rates = RateLimits { misses: 0, ..Setup::default().rates };
    let running = start_as(Setup { quota_bytes: Some(64 * 1_024), rates, ..Setup::default() }).await;
    serve(&running, HOST, 7, DomainSettings::default());
    running.know("a", link("https://example.com/"));
    let mut answered = 0;
    while running.metric("spool_misses_not_kept_total") == 0 {
        assert_eq!(running.get("/a").await.status(), 302);
        ask(&running, HOST, "/b", "203.0.113.9").await;
        answered += 1;
        assert!(answered < 5_000, "the spool is never tight");
    }
    for _ in 0..20 {
        assert_eq!(running.get("/a").await.status(), 302);
    }
    assert_eq!(running.metric("redirector_clicks_total"), answered + 20);
    assert_eq!(running.metric("spool_lost_total{reason=\"quota\"}"), 0);
    running.delivered().await.into_iter().for_each(drop::<Delivery>);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_capture_writes_no_address_of_a_miss() {
    let running = start_as(Setup { capture: Capture::Strict, trusted_proxies: &["127.0.0.0/8"], ..Setup::default() }).await;
    know_secrets(&running, &[]);
    serve(&running, HOST, 7, DomainSettings::default());
    ask(&running, HOST, "/first", "203.0.113.77").await;
    let known = async || {
        ask(&running, HOST, "/sael", "203.0.113.77").await;
        running.missed().await.pop().filter(|miss| miss.user_agent.is_some())
    };
    let last = wait_until(PATIENCE, "what the workspace keeps is known", known).await;
    let misses = running.missed().await;
    assert!(misses.iter().all(|miss| matches!(miss.address, Address::Reduced(_))), "{misses:?}");
    let reduced = |miss: &CapturedMiss| match &miss.address {
        Address::Reduced(address) => (address.network.clone(), address.place.country.clone(), address.place.city.clone()),
        other => panic!("{other:?}"),
    };
    // Until that is known a miss is only counted.
    assert_eq!((reduced(&misses[0]).0.as_str(), misses[0].user_agent.as_deref()), ("", None));
    // A browser that sends none of a browser's headers.
    assert_eq!(misses[0].judged.as_ref().unwrap().verdict, Verdict::Suspected);
    assert_eq!(reduced(&last), ("203.0.113.0/24".into(), Some("DE".into()), None));
}
