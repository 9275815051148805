//! The subscription: every click once, whatever the feed does.

use serde_json::{Value, json};
use testkit::{GraphQl, Subscription};

use crate::fixture::{start, told};

const LIVE: &str = "subscription($f: ClickFilter, $a: String) { clicks(filter: $f, after: $a) { cursor click { parameter(key: \"n\") link { slug } } gap { from } } }";

async fn cursor(api: &GraphQl) -> Value {
    api.data("{ clickTotals { liveCursor } }", json!({})).await["clickTotals"]["liveCursor"].take()
}

/// The numbers of the next events, and the last one's cursor.
async fn next(live: &mut Subscription, count: usize) -> (Vec<i64>, Value) {
    let (mut numbers, mut cursor) = (Vec::new(), Value::Null);
    for _ in 0..count {
        let event = live.next().await["clicks"].take();
        assert_eq!(event["gap"], Value::Null);
        numbers.push(event["click"]["parameter"].as_str().unwrap().parse().unwrap());
        cursor = event["cursor"].clone();
    }
    (numbers, cursor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_lost_and_late_clicks_come_once_and_in_order() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    running.store_clicks(&ada, &link, 0..5).await;
    let mut live = ada.subscribe(LIVE, json!({ "a": cursor(&ada).await })).await;
    let first = running.store_clicks(&ada, &link, 5..8).await;
    running.announce(first.clone()).await;
    assert_eq!(next(&mut live, 3).await.0, [5, 6, 7]);
    // Told twice, it comes once; never told, it is found in the store.
    running.announce(first).await;
    running.store_clicks(&ada, &link, 8..10).await;
    assert_eq!(next(&mut live, 2).await.0, [8, 9]);
    // An announcement that does not join on sends the reader to the store.
    running.store_clicks(&ada, &link, 10..12).await;
    let third = running.store_clicks(&ada, &link, 12..13).await;
    running.announce(third).await;
    let (numbers, last) = next(&mut live, 3).await;
    assert_eq!(numbers, [10, 11, 12]);
    // Resumed after the last one, there is nothing old.
    let mut again = ada.subscribe(LIVE, json!({ "a": last })).await;
    let fourth = running.store_clicks(&ada, &link, 13..14).await;
    running.announce(fourth).await;
    assert_eq!(next(&mut again, 1).await.0, [13]);
    assert_eq!(next(&mut live, 1).await.0, [13]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_from_long_ago_gets_everything_that_its_filter_lets_through() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let start = cursor(&ada).await;
    running.store_clicks(&ada, &link, 0..2_500).await;
    let mut live = ada.subscribe(LIVE, json!({ "a": start, "f": { "verdicts": ["HUMAN"] } })).await;
    assert_eq!(next(&mut live, 1_250).await.0, (0..2_500).step_by(2).collect::<Vec<_>>());
    let report = running.store_clicks(&ada, &link, 2_500..2_502).await;
    running.announce(report).await;
    assert_eq!(next(&mut live, 1).await.0, [2_500]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_hear_their_own_and_bad_cursors_are_refused() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let (a, e) = (ada.create_link("https://example.com/", json!({})).await, eve.create_link("https://example.com/", json!({})).await);
    let mut live = eve.subscribe(LIVE, json!({ "a": cursor(&eve).await })).await;
    let theirs = running.store_clicks(&ada, &a, 0..3).await;
    running.announce(theirs).await;
    let own = running.store_clicks(&eve, &e, 7..8).await;
    running.announce(own).await;
    assert_eq!(next(&mut live, 1).await.0, [7]);
    for (after, wanted) in [(cursor(&ada).await, "VALIDATION"), (json!("x"), "VALIDATION")] {
        let mut refused = eve.subscribe(LIVE, json!({ "a": after })).await;
        let message = refused.receive().await.unwrap();
        assert_eq!((&message["type"], told(&message["payload"][0])), (&json!("error"), (wanted.into(), vec!["after".into()])));
    }
    let mut anonymous = running.anonymous().subscribe(LIVE, json!({})).await;
    assert_eq!(told(&anonymous.receive().await.unwrap()["payload"][0]).0, "UNAUTHENTICATED");
}
