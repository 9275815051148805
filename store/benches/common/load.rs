//! Databases full of clicks: made once, and again only where they are not kept.

use std::sync::Arc;
use std::time::Instant;

use store::Incoming;

use super::clicks::clicks;
use super::databases::{Database, Place, Raw};
use super::report::thousands;
use super::rows::{Numbering, check, load};
use super::sizes::Sizes;
use super::timeline::Timeline;
use super::world::{DAY, NOW, World};

const DAYS: i64 = 90;
/// How clicks come into the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Past the store, and the rollups afterwards.
    Copy,
    /// As a worker stores them.
    Ingest,
}

impl Way {
    pub fn chosen() -> Self {
        match super::setting("LOAD").as_deref() {
            None | Some("copy") => Self::Copy,
            Some("ingest") => Self::Ingest,
            Some(other) => panic!("BENCH_LOAD is copy or ingest, not {other}"),
        }
    }
}

impl Way {
    /// Clicks in one transaction.
    fn batch(self) -> usize {
        match self {
            Self::Copy => 50_000,
            Self::Ingest => 5_000,
        }
    }
}

/// A database with so many clicks of the last 90 days, the one that is there or a new one.
pub async fn full(place: &Place, world: &Arc<World>, count: usize, way: Way) -> Database {
    let name = format!("clicks_{count}_{way:?}").to_lowercase();
    if place.has(&name) {
        return place.connect(&name).await;
    }
    let database = place.copy("loading").await;
    let begun = Instant::now();
    fill(&database, world, count, way).await;
    database.raw.let_stand().await;
    let took = begun.elapsed().as_secs_f64();
    let sizes = Sizes::of(&database.raw).await;
    eprintln!("{} {} M clicks in {took:.0} s ({} clicks/s)", place.kind.name(), count as f64 / 1e6, thousands(count as f64 / took));
    eprintln!("    bytes on disk per click: {}", sizes.per_click(count));
    place.rename(database, &name).await
}

async fn fill(database: &Database, world: &Arc<World>, count: usize, way: Way) {
    let mut made = made_ahead(world.clone(), count, way.batch());
    if way == Way::Ingest {
        while let Some(batch) = made.recv().await {
            database.store.ingest(&batch, NOW).await.unwrap();
        }
        return;
    }
    if let Raw::Sqlite(_) = database.raw {
        database.raw.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000").await;
    }
    let mut numbering = Numbering::default();
    while let Some(batch) = made.recv().await {
        load(&database.raw, &mut numbering, &batch).await;
    }
    let heads = "UPDATE workspace_heads SET head = COALESCE((SELECT MAX(c.seq) FROM clicks c WHERE c.workspace_id = workspace_heads.workspace_id), 0)";
    database.raw.execute(heads).await;
    let stats = "INSERT INTO link_stats (workspace_id, link_id, clicks, last_clicked_at) \
                 SELECT workspace_id, link_id, COUNT(*), MAX(occurred_at) FROM clicks WHERE outcome IN (0, 1) GROUP BY workspace_id, link_id";
    database.raw.execute(stats).await;
    for tenant in &world.tenants {
        rebuild(&database.store, tenant.id).await;
    }
}

/// Makes the rollups of clicks that were loaded past the store, a local day at a time, the last one first.
async fn rebuild(store: &store::Store, workspace: domain::WorkspaceId) {
    let mut before = NOW;
    while let Some(rebuilt) = store.rebuild_rollups(workspace, before).await.unwrap() {
        before = rebuilt.day.start();
    }
}

/// Batches of clicks, made by a thread of its own.
fn made_ahead(world: Arc<World>, count: usize, batch: usize) -> tokio::sync::mpsc::Receiver<Vec<Incoming>> {
    let (give, made) = tokio::sync::mpsc::channel(2);
    std::thread::spawn(move || {
        let mut coming = clicks(world, Timeline { end: NOW, span: DAYS * DAY, clicks: count });
        loop {
            let some: Vec<Incoming> = coming.by_ref().take(batch).collect();
            if some.is_empty() || give.blocking_send(some).is_err() {
                return;
            }
        }
    });
    made
}

/// Ends where loading past the store would not store the same.
pub async fn check_rows(place: &Place, world: &Arc<World>) {
    let some: Vec<Incoming> = clicks(world.clone(), Timeline { end: NOW, span: 2 * DAY, clicks: 1_000 }).collect();
    let (stored, loaded) = (place.copy("stored").await, place.copy("loaded").await);
    check(&stored, &loaded, &some).await;
    place.drop(stored).await;
    place.drop(loaded).await;
}
