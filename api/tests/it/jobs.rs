//! Clicks judged again in the background, as it is asked for.

use serde_json::{Value, json};

use crate::fixture::{NOON, start, told};

const RECLASSIFY: &str = "mutation($i: ReclassifyInput!) { reclassify(input: $i) { job { id kind status progress from to looked changed createdAt finishedAt } } }";
const JOB: &str = "query($id: ID!) { job(id: $id) { status progress looked changed finishedAt } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_judged_again_once_at_a_time_and_told_of_to_its_workspace() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let input = json!({ "from": "2026-02-01T00:00:00Z" });
    let job = ada.data(RECLASSIFY, json!({ "i": input })).await["reclassify"]["job"].take();
    let id = job["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("job_"));
    let wanted = json!({
        "id": id, "kind": "RECLASSIFY", "status": "QUEUED", "progress": 0.0, "from": "2026-02-01T00:00:00.000Z",
        "to": "2026-03-01T11:59:00.000Z", "looked": 0, "changed": 0, "createdAt": "2026-03-01T12:00:00.000Z", "finishedAt": null,
    });
    assert_eq!(job, wanted);
    let again = ada.error(RECLASSIFY, json!({ "i": {} })).await;
    assert_eq!(told(&again).0, "CONFLICT");
    // A worker's word of it.
    let claimed = running.store.claim_job(NOON, NOON).await.unwrap().unwrap();
    let done = domain::Job { status: domain::JobStatus::Done, looked: 7, changed: 3, finished_at: Some(NOON), ..claimed };
    running.store.advance_job(&done, NOON).await.unwrap();
    let seen = ada.data(JOB, json!({ "id": id })).await["job"].take();
    assert_eq!(seen, json!({ "status": "DONE", "progress": 1.0, "looked": 7, "changed": 3, "finishedAt": "2026-03-01T12:00:00.000Z" }));
    assert!(!ada.data(RECLASSIFY, json!({ "i": {} })).await["reclassify"].is_null());

    for (who, id) in [(&eve, id.as_str()), (&ada, "job_00000000000000000000000000"), (&ada, "nonsense")] {
        assert_eq!(told(&who.error(JOB, json!({ "id": id })).await).0, "NOT_FOUND", "{id}");
    }
    for (input, path) in [
        (json!({ "from": "2026-03-01T11:59:00Z" }), "from"),
        (json!({ "from": "2026-02-02T00:00:00Z", "to": "2026-02-02T00:00:00Z" }), "to"),
        (json!({ "from": "2026-02-02T00:00:00Z", "to": "2026-02-01T00:00:00Z" }), "to"),
    ] {
        let refused = eve.error(RECLASSIFY, json!({ "i": input })).await;
        assert_eq!(told(&refused), ("VALIDATION".into(), vec![path.into()]), "{input}");
    }
    assert_eq!(told(&running.anonymous().error(RECLASSIFY, json!({ "i": {} })).await).0, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_ends_before_the_first_click_is_refused() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    running.store_clicks(&ada, &link, 0..1).await;
    running.clock.advance(600_000);
    let first = ada.data("{ clicks { nodes { occurredAt } } }", json!({})).await["clicks"]["nodes"][0]["occurredAt"].take();
    for input in [json!({ "to": first }), json!({ "from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z" })] {
        let refused = ada.error(RECLASSIFY, json!({ "i": input })).await;
        assert_eq!(told(&refused), ("VALIDATION".into(), vec!["to".into()]), "{input}");
    }
    let job = ada.data(RECLASSIFY, json!({ "i": { "to": "2026-03-01T12:05:00Z" } })).await["reclassify"]["job"].take();
    assert_eq!((&job["from"], &job["to"]), (&first, &json!("2026-03-01T12:05:00.000Z")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_are_chosen_by_channel_network_and_visitor() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    running.store_clicks(&ada, &link, 0..4).await;
    let query = "query($f: ClickFilter) { clicks(filter: $f) { totalCount } }";
    let counted = async |filter: Value| ada.data(query, json!({ "f": filter })).await["clicks"]["totalCount"].take();
    for (filter, count) in [
        (json!({ "channels": [null] }), 4),
        (json!({ "channels": ["EMAIL", "DIRECT"] }), 0),
        (json!({ "networks": [null, "203.0.113.0/24"], "visitors": [null] }), 4),
        (json!({ "visitors": ["0123"] }), 0),
    ] {
        assert_eq!(counted(filter.clone()).await, count, "{filter}");
    }
    let refused = ada.error(query, json!({ "f": { "channels": [], "networks": [], "visitors": [] } })).await;
    assert_eq!(told(&refused).1, ["filter.networks", "filter.channels", "filter.visitors"]);
}
