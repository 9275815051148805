//! What a batch comes to when only a part of it can be done.

use domain::ClickFilter;
use platform::Rng;
use sqlx::{Connection as _, SqliteConnection};
use store::{Access, Poison};
use stream::{LocalFeed, encode_record};
use testkit::wait_until;
use tokio::time::timeout;

use super::*;
use crate::neighbours::tests::{NOON, captured, sqlite, workspace};

const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_when_a_stop_comes_is_told() {
    let (store, folder) = sqlite().await;
    let ours = workspace(&store, "ours").await;
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    // What cannot be stored cannot be set aside either.
    let mut broken = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("ALTER TABLE dead_letters RENAME TO away").execute(&mut broken).await.unwrap();
    let parts = WorkerParts {
        salts: Salts::new(store.clone(), Rng::System),
        store: store.clone(),
        feed: Arc::new(LocalFeed::default()),
        enricher: Arc::new(Enricher::new(Arc::default())),
        clock: Clock::manual(NOON),
        rng: Rng::System,
        health: Health::default(),
    };
    let pump = Pump::new(parts, &Metrics::default());
    let captured = domain::CapturedClick { workspace: ours, ..captured(NOON, 1) };
    let frame: Arc<str> = "frame".into();
    let poison = Poison { id: uuid::Uuid::from_u128(1), frame: frame.clone(), reason: "refused".into(), record: vec![1, 0xff], at: NOON };
    let clicks = vec![Decoded { record: encode_record(&captured), captured: captured.clone(), frame }];
    let batch = Batch { clicks, poison: vec![poison], ..Batch::default() };
    let stopping = CancellationToken::new();
    let mut neighbours = Neighbours::default();
    let storing = pump.store(&batch, &mut neighbours, &stopping);
    let stop = async {
        let is_stored = async || {
            let scope = store.workspace(ours, Access::Read).await.unwrap();
            !scope.clicks_by_storage(&ClickFilter::default(), &store::PageRequest::first(1)).await.unwrap().clicks.is_empty()
        };
        wait_until(DEADLINE, "the click is stored", async || is_stored().await.then_some(())).await;
        stopping.cancel();
    };
    let (done, ()) = timeout(DEADLINE, async { tokio::join!(storing, stop) }).await.unwrap();
    let Done::Stopped(report) = done else { panic!("it was not all done: {done:?}") };
    assert_eq!(report.stored.iter().flat_map(|ingested| &ingested.clicks).map(|click| click.id).collect::<Vec<_>>(), [captured.id]);
    // Once they can be set aside the same batch is done, and stored no second time.
    sqlx::query("ALTER TABLE away RENAME TO dead_letters").execute(&mut broken).await.unwrap();
    let done = pump.store(&batch, &mut Neighbours::default(), &CancellationToken::new()).await;
    let Done::Whole(report) = done else { panic!("a stop that nobody asked for: {done:?}") };
    assert_eq!((report.stored.len(), report.duplicates), (0, 1));
}
