//! What a batch comes to when only a part of it can be done.

use domain::{CapturedClick, ClickFilter, Millis, PrivacyLevel, Retention};
use platform::Rng;
use sqlx::{Connection as _, SqliteConnection};
use store::{Access, Poison};
use stream::{LocalFeed, encode_record};
use testkit::wait_until;
use tokio::time::timeout;

use super::*;
use crate::neighbours::tests::{NOON, captured, sqlite, workspace};

const DEADLINE: Duration = Duration::from_secs(10);

fn pump(store: &Store) -> Pump {
    let parts = WorkerParts {
        salts: Salts::new(store.clone(), Rng::System),
        store: store.clone(),
        feed: Arc::new(LocalFeed::default()),
        enricher: Arc::new(Enricher::new(Arc::default())),
        clock: Clock::manual(NOON),
        rng: Rng::System,
        health: Health::default(),
    };
    Pump::new(parts, &Metrics::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_when_a_stop_comes_is_told() {
    let (store, folder) = sqlite().await;
    let ours = workspace(&store, "ours").await;
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    // What cannot be stored cannot be set aside either.
    let mut broken = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("ALTER TABLE dead_letters RENAME TO away").execute(&mut broken).await.unwrap();
    let pump = pump(&store);
    let captured = CapturedClick { workspace: ours, ..captured(NOON, 1) };
    let frame: Arc<str> = "frame".into();
    let poison = Poison { id: uuid::Uuid::from_u128(1), frame: frame.clone(), reason: "refused".into(), record: vec![1, 0xff], at: NOON };
    let clicks = vec![Decoded { record: encode_record(&captured).into(), captured: captured.clone(), frame }];
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

/// However long it waited in a spool or a queue that stood still.
#[tokio::test]
async fn a_click_that_comes_after_the_time_of_its_address_is_stored_without_it() {
    const HOUR: i64 = 3_600_000;
    let (store, _folder) = sqlite().await;
    let ours = workspace(&store, "ours").await;
    let retention = Retention { addresses_days: 2, ..Retention::default() };
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.set_privacy(&Privacy { level: PrivacyLevel::Full, retention, ..Privacy::default() }).await.unwrap();
    scope.commit().await.unwrap();
    // An hour before the two days are over, as the purge has it.
    let ages = [0, 47 * HOUR, 47 * HOUR + 1, 48 * HOUR, 20 * 24 * HOUR];
    let decoded = |age: &i64| {
        let captured = CapturedClick { workspace: ours, ..captured(NOON.plus(-age), 1) };
        Decoded { record: encode_record(&captured).into(), captured, frame: "frame".into() }
    };
    let batch = Batch { clicks: ages.iter().map(decoded).collect(), ..Batch::default() };
    let done = pump(&store).store(&batch, &mut Neighbours::default(), &CancellationToken::new()).await;
    assert!(matches!(done, Done::Whole(_)), "{done:?}");
    let scope = store.workspace(ours, Access::Read).await.unwrap();
    let clicks = scope.clicks_by_time(&ClickFilter::default(), &store::PageRequest::first(9)).await.unwrap().clicks;
    let kept: Vec<(Millis, bool)> = clicks.iter().map(|click| (click.occurred_at(), click.ip.is_some())).collect();
    let wanted: Vec<_> = ages.iter().map(|age| (NOON.plus(-age), *age <= 47 * HOUR)).collect();
    assert_eq!(kept, wanted);
    assert!(clicks.iter().all(|click| click.network.as_deref() == Some("203.0.113.0/24")));
}
