//! The way of the clicks: hops and losses.

use domain::{Loss, LossReason};
use platform::DurabilityClass;
use serde_json::{Value, json};

use crate::fixture::{NOON, click, start, start_each, told, workspace_of};

const LOSSES: &str =
    "query($f: IngestLossFilter) { ingestLosses(filter: $f) { rows { minute reason clicks upperBound } clicks inDoubt from to } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_are_told_by_minute_and_reason_to_their_workspace() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let workspace = workspace_of(&ada).await;
    let minute = NOON.0 / 60_000;
    let loss = |counter: u128, minute, reason, count| Loss { counter: uuid::Uuid::from_u128(counter), workspace, minute, reason, count };
    let losses = [
        loss(1, minute, LossReason::Quota, 7),
        loss(2, minute, LossReason::Quota, 5),
        loss(3, minute, LossReason::InDoubt, 2),
        loss(4, minute - 1_440, LossReason::Disk, 1),
        loss(5, minute - 1_439, LossReason::TooLarge, 3),
    ];
    running.store.count_losses(&losses).await.unwrap();
    let asked = async |filter: Value| ada.data(LOSSES, json!({ "f": filter })).await["ingestLosses"].take();
    let row = |minute: &str, reason: &str, clicks: u32, upper: bool| json!({ "minute": minute, "reason": reason, "clicks": clicks, "upperBound": upper });
    let day = [
        row("2026-02-28T12:01:00.000Z", "TOO_LARGE", 3, false),
        row("2026-03-01T12:00:00.000Z", "QUOTA", 12, false),
        row("2026-03-01T12:00:00.000Z", "IN_DOUBT", 2, true),
    ];
    let last_day = asked(Value::Null).await;
    assert_eq!((&last_day["rows"], &last_day["clicks"], &last_day["inDoubt"]), (&json!(day), &json!(15), &json!(2)));
    let range = json!({ "from": "2026-02-28T12:00:00Z", "to": "2026-02-28T12:01:00Z" });
    let wanted = json!({
        "rows": [row("2026-02-28T12:00:00.000Z", "DISK", 1, false)], "clicks": 1, "inDoubt": 0,
        "from": "2026-02-28T12:00:00.000Z", "to": "2026-02-28T12:01:00.000Z",
    });
    assert_eq!(asked(range).await, wanted);
    assert_eq!(eve.data(LOSSES, json!({})).await["ingestLosses"]["rows"], json!([]));
    for (filter, field) in [
        (json!({ "from": "2026-03-01T00:00:00Z", "to": "2026-03-01T00:00:00Z" }), "filter.to"),
        (json!({ "from": "2026-02-01T00:00:00Z", "to": "2026-02-08T00:00:00.001Z" }), "filter.from"),
        (json!({ "from": "2020-02-01T00:00:00Z" }), "filter.from"),
    ] {
        assert_eq!(told(&ada.error(LOSSES, json!({ "f": filter })).await), ("VALIDATION".into(), vec![field.into()]), "{filter}");
    }
    assert_eq!(told(&running.anonymous().error(LOSSES, json!({})).await).0, "UNAUTHENTICATED");
}

/// Copies and the clicks of machines are told beside lost clicks, and are in no sum of these.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_and_machines_are_no_lost_clicks() {
    for running in start_each().await {
        let ada = running.ada().await;
        let link = ada.create_link("https://example.com/", json!({})).await;
        let id = link["id"].as_str().unwrap().parse().unwrap();
        let workspace = workspace_of(&ada).await;
        // One of a person and, a minute later, one of a machine, which comes twice.
        let incoming =
            |number| store::Incoming { workspace, click: click(id, number), day: None, record: [].into(), frame: "frame".into() };
        let batch = [incoming(-2), incoming(-1)];
        running.store.ingest(&batch, NOON).await.unwrap();
        running.store.ingest(&batch[1..], NOON).await.unwrap();
        let told = ada.data(LOSSES, json!({})).await["ingestLosses"].take();
        let row = |minute: &str, reason: &str| json!({ "minute": minute, "reason": reason, "clicks": 1, "upperBound": false });
        let rows = [row("2026-03-01T11:45:00.000Z", "BOT"), row("2026-03-01T11:59:00.000Z", "DUPLICATE")];
        assert_eq!((&told["rows"], &told["clicks"], &told["inDoubt"]), (&json!(rows), &json!(0), &json!(0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hop_says_what_its_word_is_worth() {
    let running = start().await;
    running.health.durability("broker", DurabilityClass::Unknown, "who knows");
    running.health.durability("spool", DurabilityClass::Os, "LINKLOGGER_DURABILITY");
    let query = "{ pipeline { hops { name durability note } } }";
    let hops = running.ada().await.data(query, json!({})).await["pipeline"]["hops"].take();
    let hop = |name: &str, durability: &str, note: &str| json!({ "name": name, "durability": durability, "note": note });
    assert_eq!(hops, json!([hop("broker", "UNKNOWN", "who knows"), hop("spool", "OS", "LINKLOGGER_DURABILITY")]));
    assert_eq!(told(&running.anonymous().error(query, json!({})).await).0, "UNAUTHENTICATED");
}
