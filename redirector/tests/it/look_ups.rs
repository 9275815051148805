//! What strangers can do to the sources of links, keys and policies by making keys up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::{ApiKeyId, ApiKeyState, Millis, ReferrerPolicy, ResolvedLink, WorkspaceId, WorkspacePolicy, compose_api_key};
use redirector::{LookUpLimits, RateLimits};
use reqwest::RequestBuilder;
use serde_json::json;
use testkit::wait_until;
use tokio::task::JoinSet;

use crate::domains::{know_on, serve};
use crate::fixture::{Running, Setup, link, start_as};
use crate::links::Silent;
use crate::logged::{know_key, post, signed_query, workspace};

const PATIENCE: Duration = Duration::from_secs(5);
const FEW: LookUpLimits = LookUpLimits { at_once: 4, waiting: 8 };
const VISITOR: &str = "203.0.113.5";
const HOST: &str = "go.acme.example";

/// With room for few look-ups, and no notice that would cause any.
async fn start_small() -> Running {
    start_as(Setup { look_ups: FEW, notices: Some(Arc::new(Silent::Refused)), ..Setup::default() }).await
}

/// With ten misses at once and one more each second, told apart by what a proxy forwards.
async fn start_strict() -> Running {
    let rates = RateLimits { clicks: 0, clicks_of_link: 0, misses: 1, clicks_of_key: 0 };
    start_as(Setup { trusted_proxies: &["127.0.0.0/8"], rates, notices: Some(Arc::new(Silent::Refused)), ..Setup::default() }).await
}

/// The statuses of requests that are all sent at once, as they come.
fn crowd(requests: impl Iterator<Item = RequestBuilder>) -> JoinSet<u16> {
    requests.map(async |request| request.send().await.unwrap().status().as_u16()).collect()
}

fn made_up_slugs(running: &Running, count: usize) -> JoinSet<u16> {
    running.links.strangers.shut();
    crowd((0..count).map(|number| running.http.get(running.url(&format!("/x{number}")))))
}

fn made_up_key(number: u8) -> String {
    compose_api_key(ApiKeyId::new(Millis(2), [number; 10]), [9; 32]).0
}

/// A query whose signature may be right, of a workspace that is made up.
fn made_up_query(running: &Running, number: u8) -> String {
    let other = WorkspaceId::new(Millis(2), [number; 10]).to_string();
    signed_query("secret", running.clock.now().plus(3_600_000), &[]).replace(&workspace().to_string(), &other)
}

async fn asked_at_once(asked: &AtomicUsize, before: usize) {
    let all = before + FEW.at_once;
    wait_until(PATIENCE, "strangers have all turns", async || (asked.load(Ordering::SeqCst) == all).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_link_is_looked_up_again_before_any_stranger() {
    let running = start_small().await;
    running.know("a", link("https://example.com/1"));
    assert_eq!(running.get("/a").await.headers()["location"], "https://example.com/1");
    running.know("a", ResolvedLink { version: 4, ..link("https://example.com/2") });
    running.clock.advance(60_000);
    let before = running.links.asked.load(Ordering::SeqCst);
    let mut strangers = made_up_slugs(&running, FEW.at_once + FEW.waiting);
    asked_at_once(&running.links.asked, before).await;
    assert_eq!(running.get("/a").await.headers()["location"], "https://example.com/2");
    assert!(strangers.try_join_next().is_none());
    running.links.strangers.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_not_known_waits_for_its_turn() {
    let running = start_small().await;
    running.know("a", link("https://example.com/"));
    let strangers = made_up_slugs(&running, FEW.at_once);
    asked_at_once(&running.links.asked, 0).await;
    let mut visitor = crowd(std::iter::once(running.http.get(running.url("/a"))));
    let look_ups = || running.metric("link_cache_look_ups_total");
    wait_until(PATIENCE, "the visitor came", async || (look_ups() == FEW.at_once as u64 + 1).then_some(())).await;
    assert_eq!((running.links.asked.load(Ordering::SeqCst), visitor.try_join_next().is_none()), (FEW.at_once, true));
    running.links.strangers.open();
    assert_eq!(visitor.join_all().await, [302]);
    assert_eq!(strangers.join_all().await, [404; FEW.at_once]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_too_many_waiting_is_told_to_come_again() {
    let running = start_small().await;
    running.know("a", link("https://example.com/"));
    assert_eq!(running.get("/a").await.status(), 302);
    let mut strangers = made_up_slugs(&running, FEW.at_once + FEW.waiting + 1);
    assert_eq!(strangers.join_next().await.unwrap().unwrap(), 503);
    assert_eq!(running.get("/a").await.status(), 302);
    running.links.strangers.open();
    assert_eq!(strangers.join_all().await, [404; FEW.at_once + FEW.waiting]);
    assert_eq!(running.metric("link_cache_failures_total"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_who_leave_free_no_turn_that_is_being_used() {
    let running = start_small().await;
    running.know("a", link("https://example.com/"));
    assert_eq!(running.get("/a").await.status(), 302);
    running.clock.advance(30_000);
    let strangers = made_up_slugs(&running, FEW.at_once);
    asked_at_once(&running.links.asked, 1).await;
    drop(strangers);
    // Whoever asks for the same now is the first to do so: those before have gone.
    let look_ups = || running.metric("link_cache_look_ups_total");
    let again = made_up_slugs(&running, FEW.at_once);
    wait_until(PATIENCE, "others ask instead", async || (look_ups() == 2 * FEW.at_once as u64 + 1).then_some(())).await;
    // By the time that this is looked up they would have asked.
    assert_eq!(running.get("/a").await.status(), 302);
    let asked = || running.links.asked.load(Ordering::SeqCst);
    wait_until(PATIENCE, "the known link is looked up", async || (asked() >= FEW.at_once + 2).then_some(())).await;
    assert_eq!(asked(), FEW.at_once + 2);
    running.links.strangers.open();
    assert_eq!(again.join_all().await, [404; FEW.at_once]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_key_is_looked_up_again_before_any_stranger() {
    let running = start_small().await;
    let key = know_key(&running, |_| {});
    let body = json!({ "url": "https://example.com/" });
    assert_eq!(post(&running, &key, body.clone()).await.status(), 302);
    running.clock.advance(60_000);
    let before = running.policies.asked.load(Ordering::SeqCst);
    running.policies.strangers.shut();
    let request = |number| running.http.post(running.url("/log-and-redirect")).bearer_auth(made_up_key(number)).json(&body);
    let mut strangers = crowd((0..12).map(request));
    asked_at_once(&running.policies.asked, before).await;
    for state in running.policies.keys.lock().unwrap().values_mut() {
        *state = ApiKeyState { version: 2, right: None, ..state.clone() };
    }
    assert_eq!(post(&running, &key, body.clone()).await.status(), 401);
    assert!(strangers.try_join_next().is_none());
    running.policies.strangers.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_links_workspace_decides_is_looked_up_before_any_stranger() {
    let running = start_small().await;
    running.know("a", link("https://example.com/"));
    let decided = WorkspacePolicy { version: 1, referrer_policy: Some(ReferrerPolicy::Origin), ..WorkspacePolicy::undecided(workspace()) };
    running.policies.workspaces.lock().unwrap().insert(workspace(), decided);
    running.policies.strangers.shut();
    let mut strangers = crowd((0..12).map(|number| running.http.get(running.url(&format!("/r?{}", made_up_query(&running, number))))));
    asked_at_once(&running.policies.asked, 0).await;
    assert_eq!(running.get("/a").await.headers()["referrer-policy"], "origin");
    assert!(strangers.try_join_next().is_none());
    running.policies.strangers.open();
}

/// Sends requests of one address until one is refused for its rate; how many were not.
async fn until_refused(ip: &str, request: impl Fn(usize) -> RequestBuilder, miss: u16) -> usize {
    for number in 0..1_000 {
        match request(number).header("x-forwarded-for", ip).send().await.unwrap().status().as_u16() {
            429 => return number,
            status => assert_eq!(status, miss),
        }
    }
    panic!("no end of misses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_slugs_above_the_rate_has_none_looked_up() {
    let running = start_strict().await;
    let from = async |path: &str, ip: &str| {
        running.http.get(running.url(path)).header("x-forwarded-for", ip).send().await.unwrap().status().as_u16()
    };
    running.know("cached", link("https://example.com/"));
    assert_eq!(from("/cached", VISITOR).await, 302);
    let asked = || running.links.asked.load(Ordering::SeqCst) - 1;
    let guess = |round: usize| move |number: usize| format!("/x{round}-{number}");
    let mut looked_up = 0;
    // Once a second one more is allowed, so that it takes another try if that was just now.
    let refused = async |round: usize| {
        let path = guess(round);
        until_refused(VISITOR, |number| running.http.get(running.url(&path(number))), 404).await
    };
    let link_refused = 'refused: {
        for round in 0..100 {
            looked_up += refused(round).await;
            assert_eq!(asked(), looked_up);
            let slug = format!("real{round}");
            running.know(&slug, link("https://example.com/"));
            match from(&format!("/{slug}"), VISITOR).await {
                429 => break 'refused slug,
                status => assert_eq!(status, 302),
            }
            looked_up += 1;
        }
        panic!("a link that is not cached is always looked up");
    };
    assert!(looked_up >= 10 && asked() == looked_up);
    // What is cached leads on, also when it is to be looked up again.
    assert_eq!(from("/cached", VISITOR).await, 302);
    running.clock.advance(30_000);
    assert_eq!(from("/cached", VISITOR).await, 302);
    wait_until(PATIENCE, "the known link is looked up", async || (asked() > looked_up).then_some(())).await;
    assert_eq!(asked(), looked_up + 1);
    // To others it is as if nothing had been.
    assert_eq!(from(&format!("/{link_refused}"), "203.0.113.6").await, 302);
    assert!(running.metric("redirector_refused_total") >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_many_visitors_is_always_looked_up_for() {
    let running = start_strict().await;
    let many = "10.1.2.3";
    let get = |path: &str| running.http.get(running.url(path));
    until_refused(many, |_| get("/x"), 404).await;
    for number in 0..3 {
        running.know(&format!("real{number}"), link("https://example.com/"));
        assert_eq!(get(&format!("/real{number}")).header("x-forwarded-for", many).send().await.unwrap().status(), 302);
        until_refused(many, |_| get("/x"), 404).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_makes_hosts_up_above_the_rate_has_none_looked_up() {
    let running = start_strict().await;
    serve(&running, HOST, 7, domain::DomainSettings::default());
    know_on(&running, 7, "a", link("https://example.com/"));
    let on = |host: &str| running.http.get(running.url("/a")).header("host", host);
    let known = async || on(HOST).header("x-forwarded-for", VISITOR).send().await.unwrap().status();
    assert_eq!(known().await, 302);
    let before = running.links.asked.load(Ordering::SeqCst);
    let looked_up = until_refused(VISITOR, |number| on(&format!("x{number}.example")), 404).await;
    assert_eq!(running.links.asked.load(Ordering::SeqCst), before + looked_up);
    assert_eq!(known().await, 302);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_makes_keys_up_above_the_rate_has_none_looked_up() {
    let running = start_strict().await;
    let key = know_key(&running, |_| {});
    let with = |key: &str| {
        let request = running.http.post(running.url("/log-and-redirect")).bearer_auth(key);
        request.header("x-forwarded-for", VISITOR).json(&json!({ "url": "https://example.com/" }))
    };
    assert_eq!(with(&key).send().await.unwrap().status(), 302);
    let before = running.policies.asked.load(Ordering::SeqCst);
    let mut number = 0;
    let refused = loop {
        let answer = with(&made_up_key(number)).send().await.unwrap();
        if answer.status() == 429 {
            break answer;
        }
        assert_eq!(answer.status(), 401);
        number += 1;
    };
    assert_eq!(running.policies.asked.load(Ordering::SeqCst), before + usize::from(number));
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["error"]["code"], "RATE_LIMITED");
    assert_eq!(running.metric("redirector_refused_total"), 1);
    assert_eq!(with(&key).send().await.unwrap().status(), 302);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_makes_workspaces_up_above_the_rate_has_none_looked_up() {
    let running = start_strict().await;
    let of = |number: usize| running.http.get(running.url(&format!("/r?{}", made_up_query(&running, u8::try_from(number).unwrap()))));
    let looked_up = until_refused(VISITOR, of, 403).await;
    assert_eq!(running.policies.asked.load(Ordering::SeqCst), looked_up);
    // A workspace that is made up stays so: it is not looked up again either.
    running.clock.advance(30_000);
    assert_eq!(until_refused(VISITOR, of, 403).await, running.policies.asked.load(Ordering::SeqCst) - looked_up);
}
