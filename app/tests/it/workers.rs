//! Two workers: one at a time reads a shard, and the other one reads on where it is killed.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Program, wait_until};

use crate::journey::{PATIENCE, click_all, expect_exactly};
use crate::processes::Processes;
use crate::visitors::{until_known, until_whole};

/// How soon the other one has taken over: eight seconds after the killed one last asked for clicks, and a bit.
/// Frames that it had not acked come two seconds later.
const TAKEN_OVER: Duration = Duration::from_secs(14);

/// How many clicks a worker has stored.
async fn stored(worker: &Program) -> u64 {
    let url = format!("http://{}/metrics", worker.setting("OPS_LISTEN"));
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("linklogger_worker_stored_total ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_workers_reads_until_it_is_killed_and_then_the_other_one() {
    let processes = Processes::new();
    let api = processes.start(processes.options("api", "api")).await;
    let mut workers =
        [processes.start(processes.options("worker", "one")).await, processes.start(processes.options("worker", "two")).await];
    let redirector = processes.start(processes.options("redirector", "edge")).await;
    let ada = api.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let redirect = redirector.setting("REDIRECT_LISTEN");
    until_whole(redirect).await;
    until_known(redirect, "a").await;
    // All of one workspace, so of one shard; in many frames.
    for part in 0..20 {
        click_all(redirect, "a", part * 10..(part + 1) * 10).await;
        expect_exactly(&ada, (part + 1) * 10).await;
    }
    let counts = [stored(&workers[0]).await, stored(&workers[1]).await];
    let reader = usize::from(counts[1] > counts[0]);
    assert_eq!(counts[1 - reader], 0, "both read: {counts:?}");
    workers[reader].kill();
    let killed = Instant::now();
    click_all(redirect, "a", 200..210).await;
    wait_until(TAKEN_OVER, "the other worker has stored what came", async || (stored(&workers[1 - reader]).await == 10).then_some(()))
        .await;
    eprintln!("taken over after {:?}", killed.elapsed());
    expect_exactly(&ada, 210).await;
    // One that comes back stands by.
    workers[reader].restart();
    workers[reader].ready().await;
    click_all(redirect, "a", 210..220).await;
    expect_exactly(&ada, 220).await;
    assert_eq!((stored(&workers[reader]).await, stored(&workers[1 - reader]).await), (0, 20));
    // One that stops hands over at once.
    workers[1 - reader].stop().await;
    let stopped = Instant::now();
    click_all(redirect, "a", 220..230).await;
    wait_until(PATIENCE, "the first worker has stored what came", async || (stored(&workers[reader]).await == 10).then_some(())).await;
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    expect_exactly(&ada, 230).await;
}
