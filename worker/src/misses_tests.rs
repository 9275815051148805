//! Frames that hold misses beside clicks, from the bytes to the rows, on both databases.

use std::sync::Arc;

use domain::{Address, CapturedClick, CapturedMiss, ClickFilter, DomainId, Method, MissFilter, MissId, Shard, SignalSet, Verdict};
use enrich::Enricher;
use platform::config::Database;
use platform::{Clock, Health, Metrics, Rng};
use store::{Access, Store};
use stream::{Captured, Frame, FrameId, LocalFeed, encode_record};

use super::*;
use crate::batch::Batch;
use crate::letters::Letters;
use crate::neighbours::Neighbours;
use crate::neighbours::tests::{NOON, captured, sqlite, workspace};
use crate::{Retried, Salts, WorkerParts};

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

fn miss(workspace: WorkspaceId, agent: &str, at: Millis) -> CapturedMiss {
    CapturedMiss {
        id: MissId::new(at, Rng::System.entropy()),
        workspace,
        domain: DomainId::new(NOON, [3; 10]),
        slug: Some("sael".into()),
        method: Method::Get,
        address: Address::Full([203, 0, 113, 7].into()),
        user_agent: Some(agent.to_owned()),
        signals: SignalSet::default(),
        judged: None,
    }
}

fn decoded(records: Vec<Vec<u8>>) -> Batch {
    let records: Vec<_> = records.into_iter().map(Into::into).collect();
    let frame = Frame { id: FrameId::new(1, 2, &records), shard: Shard::from_index(0).unwrap(), records, losses: Vec::new() };
    let mut batch = Batch::default();
    batch.add(&frame, NOON).unwrap();
    batch
}

async fn a_frame_given_again_changes_nothing(store: Store) {
    const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
    let ours = workspace(&store, "ours").await;
    let click = CapturedClick { workspace: ours, ..captured(NOON, 1) };
    let misses = [PERSON, PERSON, "curl/8.5.0"].map(|agent| Captured::Miss(miss(ours, agent, NOON)).encode());
    let batch = decoded([vec![encode_record(&click)], misses.to_vec(), vec![vec![2, 0xff]]].concat());
    assert_eq!((batch.clicks.len(), batch.misses.len(), batch.poison.len()), (1, 3, 1));
    let pump = pump(&store);
    for (stored, duplicates) in [(3, 0), (0, 3)] {
        let report = pump.ingest_misses(&batch.misses, NOON).await.unwrap();
        assert_eq!((report.stored, report.duplicates), (stored, duplicates));
        pump.ingest(&batch, &mut Neighbours::default(), NOON).await.unwrap();
    }
    let scope = store.workspace(ours, Access::Read).await.unwrap();
    assert_eq!(scope.count_clicks(&ClickFilter::default()).await.unwrap(), 1);
    for (verdict, count) in [(Verdict::Human, 2), (Verdict::Bot, 1)] {
        assert_eq!(scope.count_misses(&MissFilter { verdicts: vec![verdict], ..MissFilter::default() }).await.unwrap(), count);
    }
    let kept = scope.misses_after(None, 9).await.unwrap();
    assert!(kept.iter().all(|miss| miss.network.as_deref() == Some("203.0.113.0/24") && miss.slug.as_deref() == Some("sael")));
    drop(scope);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_of_a_frame_are_stored_once_in_sqlite() {
    let (store, _folder) = sqlite().await;
    a_frame_given_again_changes_nothing(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_of_a_frame_are_stored_once_in_postgres() {
    let url = testkit::Postgres::shared().copy_of("worker", async |_| ()).await;
    let store = Store::connect(&Database::Postgres(url)).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    a_frame_given_again_changes_nothing(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_of_a_miss_is_tried_again_like_one_of_a_click() {
    let (store, _folder) = sqlite().await;
    let ours = workspace(&store, "ours").await;
    let (pump, record) = (pump(&store), Captured::Miss(miss(ours, "curl/8.5.0", NOON)).encode());
    let poison = store::Poison { id: uuid::Uuid::from_u128(7), frame: "frame".into(), reason: "refused".into(), record, at: NOON };
    let letter = Letters::new(Salts::new(store.clone(), Rng::System), Rng::System).seal(&poison, NOON).await.unwrap();
    for wanted in [Retried::Stored, Retried::StoredBefore] {
        assert_eq!(pump.retry(&letter).await.unwrap(), wanted);
    }
    let scope = store.workspace(ours, Access::Read).await.unwrap();
    let kept = scope.misses_after(None, 9).await.unwrap();
    assert_eq!(kept.iter().map(|miss| miss.network.as_deref()).collect::<Vec<_>>(), [Some("203.0.113.0/24")]);
}
