//! The upkeep of rollups by a clock that is set, on both databases.

use domain::{ClickFilter, Dimension, Quarter};
use platform::config::Database;
use store::{Access, BreakdownRequest, Incoming, Source};

use super::*;
use crate::neighbours::tests::{NOON, captured, click, workspace};

const DAY: i64 = 86_400_000;
const DAYS: i64 = 5;

async fn countries(store: &Store, workspace: WorkspaceId) -> (u64, Source) {
    let scope = store.workspace(workspace, Access::Read).await.unwrap();
    let filter = ClickFilter::default();
    let request = BreakdownRequest::new(Dimension::Country, filter, 9);
    let found = scope.breakdown(&request).await.unwrap();
    (found.total, found.source)
}

async fn assert_clean(store: &Store, workspace: WorkspaceId) {
    let scope = store.workspace(workspace, Access::Read).await.unwrap();
    let last = scope.last_counted().await.unwrap().unwrap();
    let verified = scope.verify_cells(Quarter::of(NOON), Quarter(last.0 + 1)).await.unwrap();
    assert!(verified.cells > 0 && verified.differences.is_empty(), "{verified:?}");
}

async fn fill(store: &Store, of: WorkspaceId) {
    let one = |number: i64| {
        let click = click(&captured(NOON.plus(number * DAY), 1), None);
        Incoming { workspace: of, click, day: None, record: [].into(), frame: "f".into() }
    };
    store.ingest(&(0..DAYS).map(one).collect::<Vec<_>>(), NOON).await.unwrap();
}

async fn old_days_are_folded_and_those_from_before_caught_up_with(store: &Store, execute: impl AsyncFn(&'static str)) {
    let (old, new) = (workspace(store, "old").await, workspace(store, "new").await);
    execute("UPDATE workspace_heads SET dimensions_from = 9223372036854775807").await;
    fill(store, old).await;
    execute("UPDATE workspace_heads SET dimensions_from = 0 WHERE head = 0").await;
    fill(store, new).await;
    assert_eq!((countries(store, old).await, countries(store, new).await), ((5, Source::Clicks), (5, Source::Rollup)));

    let metrics = Metrics::default();
    let clock = Clock::manual(NOON.plus(DAYS * DAY));
    let mut upkeep = RollupUpkeep::new(store.clone(), clock.clone(), Rng::System, &metrics);
    // A stop comes before anything is done.
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(upkeep.round(&stopped).await.unwrap(), RollupRound::default());
    let going = CancellationToken::new();
    assert_eq!(upkeep.round(&going).await.unwrap(), RollupRound { folded: 0, days: 5 });
    assert_eq!(countries(store, old).await, (5, Source::Rollup));
    assert_eq!(upkeep.round(&going).await.unwrap(), RollupRound::default());

    // Two of the days are older than 90 days; of each there is an hour of the link and one of the workspace.
    clock.advance(87 * DAY);
    assert_eq!(upkeep.round(&going).await.unwrap(), RollupRound { folded: 8, days: 0 });
    assert_eq!(upkeep.round(&going).await.unwrap(), RollupRound::default());
    // Once a day.
    clock.advance(FOLD_EVERY_MILLIS - 1);
    assert_eq!(upkeep.round(&going).await.unwrap(), RollupRound::default());
    clock.advance(1);
    assert_eq!(upkeep.round(&going).await.unwrap(), RollupRound { folded: 4, days: 0 });
    for workspace in [old, new] {
        assert_eq!(countries(store, workspace).await, (5, Source::Rollup));
        assert_clean(store, workspace).await;
    }
    let text = metrics.encode();
    assert!(text.contains("worker_rollup_cells_folded_total 12\n") && text.contains("worker_rollup_days_recounted_total 5\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollups_are_kept_up_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = Store::connect(&Database::Sqlite(path.clone())).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    let pool = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(path)).await.unwrap();
    let execute = async |sql: &'static str| {
        sqlx::query(sql).execute(&pool).await.unwrap();
    };
    old_days_are_folded_and_those_from_before_caught_up_with(&store, execute).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollups_are_kept_up_on_postgres() {
    let server = testkit::Postgres::start();
    let store = Store::connect(&Database::Postgres(server.url("postgres"))).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    let execute = async |sql: &'static str| drop(server.sql("postgres", sql));
    old_days_are_folded_and_those_from_before_caught_up_with(&store, execute).await;
}
