//! What telling visitors apart costs where clicks are stored: `cargo bench -p store --bench visitors`. Figures for
//! docs/performance.md; nothing is judged.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where what it needs is missing")]

#[path = "../tests/it/fixture.rs"]
#[expect(dead_code, reason = "made for the tests")]
mod fixture;

use std::time::Instant;

use domain::{Click, LinkId, LocalDay, VisitorKey, WorkspaceId};
use fixture::{NOON, click, incoming, link, workspace};
use jiff::tz::TimeZone;
use store::{Incoming, Store};

const BATCHES: u64 = 40;
/// As the worker has it.
const BATCH: u64 = 1_000;
const ROUNDS: u64 = 3;

/// Clicks of so many visitors in turn; 0 leaves them without.
fn batch(workspace: WorkspaceId, link: LinkId, number: u64, visitors: u64) -> Vec<Incoming> {
    let day = (visitors > 0).then(|| LocalDay::of(NOON, &TimeZone::UTC));
    let one = |index: u64| {
        let visitor = day.map(|_| VisitorKey { key: format!("{:032x}", (number * BATCH + index) % visitors.max(1)), recipe: 1 });
        Incoming { day, ..incoming(workspace, Click { visitor, ..click(link, NOON) }) }
    };
    (0..BATCH).map(one).collect()
}

async fn rate(store: &Store, name: &str, visitors: u64) -> f64 {
    let ours = workspace(store, name).await;
    let link = link(store, ours, name).await.id;
    let batches: Vec<_> = (0..BATCHES).map(|number| batch(ours, link, number, visitors)).collect();
    let begun = Instant::now();
    for batch in &batches {
        store.ingest(batch, NOON).await.unwrap();
    }
    (BATCHES * BATCH) as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    for (database, store) in [("SQLite", fixture::sqlite().await), ("PostgreSQL", fixture::postgres().await)] {
        for round in 0..ROUNDS {
            let without = rate(&store, &format!("none-{round}"), 0).await;
            eprintln!("{database:<10} without visitors        {without:>7.0} clicks/s");
            for (name, visitors) in [("one visitor", 1), ("1,000 visitors", 1_000), ("each another visitor", BATCHES * BATCH)] {
                let rate = rate(&store, &format!("of-{visitors}-{round}"), visitors).await;
                eprintln!("{database:<10} {name:<23} {rate:>7.0} clicks/s, {:.2} of that", rate / without);
            }
        }
    }
}
