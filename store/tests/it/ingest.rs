//! Storing exactly once.

use domain::{Click, ClickFilter, LinkId, Outcome, Verdict};
use store::{DeadLetter, PageRequest, Store};

use crate::fixture::{NOON, click, incoming, ingest, link, read, workspace};

fn clicks(link: LinkId, count: i64) -> Vec<Click> {
    (0..count).map(|index| click(link, NOON.plus(index * 1_000))).collect()
}

async fn human(store: &Store, workspace: domain::WorkspaceId) -> u64 {
    read(store, workspace).await.totals(&ClickFilter::default()).await.unwrap().tally.counts.human
}

pub async fn a_batch_given_again_changes_nothing(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await;
    let mut batch = clicks(link.id, 150);
    // The same click twice in one batch, too.
    batch.push(batch[3].clone());
    let report = ingest(store, ours, &batch).await;
    assert_eq!((report.stored.len(), report.stored[0].clicks.len(), report.duplicates), (1, 150, 1));
    assert_eq!((report.stored[0].previous, report.stored[0].head), (0, 150));
    let again = ingest(store, ours, &batch).await;
    assert_eq!((again.stored.len(), again.duplicates), (0, 151));
    batch.push(click(link.id, NOON));
    let more = ingest(store, ours, &batch).await;
    assert_eq!((more.stored[0].clicks.len(), more.stored[0].previous, more.duplicates), (1, 150, 151));
    assert_eq!(human(store, ours).await, 151);
    let stored = read(store, ours).await.link(link.id).await.unwrap();
    assert_eq!(stored.last_clicked_at, Some(NOON.plus(149_000)));
}

pub async fn the_order_of_storage_has_no_repeats(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b) = (link(store, ours, "a").await, link(store, theirs, "b").await);
    let mut batch = Vec::new();
    for (first, second) in clicks(a.id, 40).into_iter().zip(clicks(b.id, 40)) {
        batch.extend([incoming(ours, first), incoming(theirs, second)]);
    }
    let report = store.ingest(&batch, NOON).await.unwrap();
    assert_eq!(report.stored.len(), 2);
    for ingested in &report.stored {
        let scope = read(store, ingested.workspace).await;
        assert_eq!(scope.head().await.unwrap(), ingested.head);
        let page = scope.clicks_by_storage(&ClickFilter::default(), &PageRequest::first(100)).await.unwrap();
        assert_eq!(page.clicks, ingested.clicks);
        assert!(page.clicks.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    }
}

pub async fn two_workers_do_not_double_count(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await;
    let batch = clicks(link.id, 200);
    // Overlapping batches at the same time, as after a frame was delivered to two workers.
    let tasks: Vec<_> = (0..8)
        .map(|index| {
            let (store, part) = (store.clone(), batch[index * 20..index * 20 + 60].to_vec());
            tokio::spawn(async move { ingest(&store, ours, &part).await })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        new += task.await.unwrap().stored.iter().map(|ingested| ingested.clicks.len()).sum::<usize>();
    }
    assert_eq!(new, 200);
    assert_eq!(human(store, ours).await, 200);
    let page = read(store, ours).await.clicks_by_storage(&ClickFilter::default(), &PageRequest::first(300)).await.unwrap();
    assert_eq!(page.clicks.len(), 200);
    assert!(page.clicks.windows(2).all(|pair| pair[0].seq < pair[1].seq));
}

pub async fn only_what_was_sent_on_is_counted(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await;
    let of = |outcome, verdict| Click { outcome, verdict, ..click(link.id, NOON) };
    let batch = [
        of(Outcome::Redirected, Verdict::Human),
        of(Outcome::Fallback, Verdict::Human),
        of(Outcome::Disabled, Verdict::Human),
        of(Outcome::Expired, Verdict::Bot),
        of(Outcome::Redirected, Verdict::Bot),
    ];
    ingest(store, ours, &batch).await;
    let scope = read(store, ours).await;
    // From cells, and from clicks because the range splits a quarter.
    for filter in [ClickFilter::default(), ClickFilter { to: Some(NOON.plus(1)), ..ClickFilter::default() }] {
        let counts = scope.totals(&filter).await.unwrap().tally.counts;
        assert_eq!((counts.human, counts.bot), (2, 1));
        assert_eq!((counts.human, counts.of(&[Verdict::Bot, Verdict::Human])), (2, 3));
    }
    assert_eq!(scope.count_clicks(&ClickFilter::default()).await.unwrap(), 5);
}

/// U+0000 in a text: PostgreSQL refuses it, SQLite keeps it. Either way the rest is stored.
pub async fn a_record_that_cannot_be_stored_is_set_aside(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await;
    let mut batch = clicks(link.id, 33);
    batch[17].url.push('\0');
    let report = ingest(store, ours, &batch).await;
    let stored: usize = report.stored.iter().map(|ingested| ingested.clicks.len()).sum();
    assert_eq!(stored + report.poison.len(), 33);
    assert!(report.stored.windows(2).all(|pair| pair[0].head == pair[1].previous));
    assert_eq!(human(store, ours).await, stored as u64);
    // Delivered again, it is found again, as the same letter.
    let again = ingest(store, ours, &batch).await;
    let ids = |poison: &[store::Poison]| poison.iter().map(|poison| poison.id).collect::<Vec<_>>();
    assert_eq!((again.duplicates, ids(&again.poison)), (stored as u64, ids(&report.poison)));
    let letter = |poison: &store::Poison| DeadLetter {
        id: poison.id,
        frame: poison.frame.clone(),
        reason: poison.reason.clone(),
        record: poison.record.clone(),
        sealed: None,
        at: poison.at,
    };
    for poison in [&report.poison, &again.poison] {
        store.set_aside(&poison.iter().map(letter).collect::<Vec<_>>()).await.unwrap();
    }
}

/// As only a forged record has it.
pub async fn an_id_of_another_workspaces_click_is_refused(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, c) = (link(store, ours, "a").await.id, link(store, theirs, "c").await.id);
    let kept = clicks(c, 3);
    ingest(store, theirs, &kept).await;
    let stored = async |workspace| {
        let page = read(store, workspace).await.clicks_by_storage(&ClickFilter::default(), &PageRequest::first(9)).await.unwrap();
        page.clicks.into_iter().map(|click| (click.id, click.link, click.url)).collect::<Vec<_>>()
    };
    let before = stored(theirs).await;
    let forged = Click { id: kept[1].id, url: "http://go.example/forged".into(), ..click(a, NOON.plus(1_000)) };
    let sound = [click(a, NOON), click(a, NOON.plus(5_000))];
    for duplicates in [0, 2] {
        let report = ingest(store, ours, &[sound[0].clone(), forged.clone(), sound[1].clone()]).await;
        let ids: Vec<_> = report.poison.iter().map(|poison| poison.id).collect();
        assert_eq!((ids, report.duplicates), (vec![forged.id.0], duplicates));
        // Nothing of the other one.
        assert!(report.poison.iter().all(|poison| !poison.reason.contains(&forged.id.0.to_string())), "{:?}", report.poison);
    }
    assert_eq!((stored(theirs).await, human(store, theirs).await), (before, 3));
    assert_eq!((stored(ours).await.len(), human(store, ours).await), (2, 2));
    assert!(read(store, ours).await.click(forged.id).await.is_err());
    // In one batch with it, too.
    let new = click(c, NOON.plus(9_000));
    let both = [incoming(theirs, new.clone()), incoming(ours, Click { link: a, ..new.clone() })];
    let report = store.ingest(&both, NOON).await.unwrap();
    assert_eq!((report.stored.len(), report.poison.len()), (1, 1));
    assert_eq!(human(store, ours).await + human(store, theirs).await, 6);
}
