//! Counters that follow what is stored.

use std::time::Instant;

use domain::VisitorKey;
use serde_json::{Value, json};
use testkit::{GraphQl, Subscription};

use crate::erasure::ERASE;
use crate::fixture::{Running, start, start_each, told};

const COUNTERS: &str =
    "subscription($f: ClickFilter) { clickCounters(filter: $f) { clicks dailyUniques dailyUniquesEstimated perMinute } }";

fn counters(clicks: u64, uniques: impl Into<Value>, per_minute: u64) -> Value {
    json!({ "clicks": clicks, "dailyUniques": uniques.into(), "dailyUniquesEstimated": false, "perMinute": per_minute })
}

async fn next(live: &mut Subscription) -> Value {
    live.next().await["clickCounters"].take()
}

/// Whatever comes before it; how many values those were.
async fn until(live: &mut Subscription, wanted: &Value) -> usize {
    let mut before = 0;
    loop {
        let told = next(live).await;
        if told == *wanted {
            return before;
        }
        before += 1;
    }
}

async fn store(running: &Running, api: &GraphQl, link: &Value, visitor: &str, numbers: std::ops::Range<i64>) {
    running.clicks_of(api, link, &VisitorKey { key: visitor.into(), recipe: 2 }, numbers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_have_their_value_at_once_and_follow() {
    for running in start_each().await {
        let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
        let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
        let b = ada.create_link("https://example.com/", json!({ "slug": "b" })).await;
        // Before today.
        store(&running, &ada, &a, "u", -900..-895).await;
        store(&running, &ada, &a, "v", -10..-4).await;
        let mut all = ada.subscribe(COUNTERS, json!({})).await;
        let of_link = json!({ "f": { "linkIds": [b["id"]], "verdicts": ["HUMAN", "BOT"] } });
        let mut of_b = ada.subscribe(COUNTERS, of_link).await;
        let mut hers = eve.subscribe(COUNTERS, json!({})).await;
        assert_eq!(next(&mut all).await, counters(3, 1, 0));
        assert_eq!(next(&mut of_b).await, counters(0, 0, 0));
        assert_eq!(next(&mut hers).await, counters(0, 0, 0));
        store(&running, &ada, &b, "w", -4..-2).await;
        until(&mut all, &counters(4, 2, 0)).await;
        until(&mut of_b, &counters(2, 1, 0)).await;
        // The same visitor again is no other one, also on another link.
        store(&running, &ada, &a, "w", -2..0).await;
        until(&mut all, &counters(5, 2, 0)).await;
        // What is erased is gone from them.
        ada.data(ERASE, json!({ "i": { "consentedId": "v" } })).await;
        until(&mut all, &counters(2, 1, 0)).await;
        // Of the other link and workspace nothing came meanwhile.
        let e = eve.create_link("https://example.com/", json!({})).await;
        store(&running, &eve, &e, "x", -2..-1).await;
        assert_eq!(next(&mut hers).await, counters(1, 1, 0));
        store(&running, &ada, &b, "y", -6..-5).await;
        assert_eq!(next(&mut of_b).await, counters(3, 2, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_changes_are_told_together() {
    let running = start().await;
    let ada = running.ada().await;
    let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let began = Instant::now();
    let mut live = ada.subscribe(COUNTERS, json!({})).await;
    assert_eq!(next(&mut live).await, counters(0, 0, 0));
    for number in -60..-10 {
        let report = running.store_clicks(&ada, &a, number..number + 1).await;
        running.announce(report).await;
    }
    let before = until(&mut live, &counters(25, Value::Null, 0)).await;
    // Each of them, and the last one, a second after the one before.
    assert!((before as u64) < began.elapsed().as_secs(), "{before} in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_and_a_day_end_though_nothing_comes() {
    let running = start().await;
    running.ada().await;
    // Five minutes before midnight, and less than a session's token after that.
    running.clock.advance(12 * 3_600_000 - 5 * 60_000);
    let ada = running.anonymous().sign_in("ada").await;
    let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let mut live = ada.subscribe(COUNTERS, json!({})).await;
    assert_eq!(next(&mut live).await, counters(0, 0, 0));
    store(&running, &ada, &a, "v", 714..715).await;
    until(&mut live, &counters(1, 1, 1)).await;
    running.clock.advance(60_000);
    assert_eq!(next(&mut live).await, counters(1, 1, 0));
    running.clock.advance(5 * 60_000);
    assert_eq!(next(&mut live).await, counters(0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_count_is_told() {
    let running = start().await;
    let ada = running.ada().await;
    for (api, filter, wanted) in [
        (&running.anonymous(), json!({}), "UNAUTHENTICATED"),
        (&ada, json!({ "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z" }), "VALIDATION"),
    ] {
        let mut refused = api.subscribe(COUNTERS, json!({ "f": filter })).await;
        assert_eq!(told(&refused.receive().await.unwrap()["payload"][0]).0, wanted);
    }
}
