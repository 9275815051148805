//! The way of the clicks, as the API tells of it.

use serde_json::{Value, json};
use testkit::wait_until;

use crate::journey::{PATIENCE, click_all, totals};
use crate::processes::Processes;
use crate::visitors::until_known;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_brokers_durability_is_known_where_its_monitoring_tells() {
    let mut processes = Processes::new();
    let monitor = processes.nats.restart_monitored("always");
    let api = processes.start(processes.options("api", "api").with("NATS_MONITOR_URL", &monitor)).await;
    let edge = processes.start(processes.options("redirector", "edge")).await;
    let ada = api.api().sign_up("ada").await;
    let broker = async || {
        let hops = ada.data("{ pipeline { hops { name durability } } }", json!({})).await["pipeline"]["hops"].take();
        hops.as_array().unwrap().iter().find(|hop| hop["name"] == "broker").unwrap()["durability"].clone()
    };
    wait_until(PATIENCE, "acks are known to survive a power cut", async || (broker().await == "FSYNC").then_some(())).await;
    assert_eq!(api.readyz().await["durability"]["broker"]["class"], "fsync");
    let unknown = edge.readyz().await["durability"]["broker"].take();
    assert!(unknown["class"] == "unknown" && unknown["note"].as_str().unwrap().contains("LINKLOGGER_NATS_MONITOR_URL"), "{unknown}");
    processes.nats.restart_monitored("2m");
    wait_until(PATIENCE, "acks are known not to", async || (broker().await == "OS").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_stored_or_told_as_lost() {
    const SENT: u64 = 8_000;
    let mut processes = Processes::new();
    let api = processes.start(processes.options("api", "api")).await;
    let _worker = processes.start(processes.options("worker", "worker")).await;
    let edge = processes.start(processes.options("redirector", "edge").with("SPOOL_QUOTA", "1MiB")).await;
    let ada = api.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    until_known(edge.setting("REDIRECT_LISTEN"), "a").await;
    processes.nats.kill();
    // Every visitor is sent on, with the broker away and the spool full.
    click_all(edge.setting("REDIRECT_LISTEN"), "a", 0..SENT as u32).await;
    processes.nats.restart();
    let losses = wait_until(PATIENCE, "all clicks are stored or lost", async || {
        let query = "{ ingestLosses { clicks inDoubt rows { reason clicks upperBound } } }";
        let losses = ada.data(query, json!({})).await["ingestLosses"].take();
        let stored = totals(&ada).await["clicks"].as_u64()?;
        (stored + losses["clicks"].as_u64()? + losses["inDoubt"].as_u64()? == SENT).then_some(losses)
    })
    .await;
    assert!(losses["clicks"].as_u64().unwrap() > 1_000, "{losses}");
    let told = |row: &Value| row["upperBound"] == json!(row["reason"] == "IN_DOUBT");
    assert!(losses["rows"].as_array().unwrap().iter().all(told), "{losses}");
    let metrics = reqwest::get(format!("http://{}/metrics", edge.setting("OPS_LISTEN"))).await.unwrap().text().await.unwrap();
    let lost = format!("linklogger_spool_lost_total{{reason=\"quota\"}} {}", losses["clicks"]);
    let spool = "linklogger_durability{hop=\"spool\",class=\"os\"} 1";
    assert!(metrics.contains(&lost) && metrics.contains(spool), "{lost}, {spool}\n{metrics}");
}
