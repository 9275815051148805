//! What an export reads page by page.

use domain::{Click, Loss, LossReason, Quarter, Verdict};
use store::{CellRow, LostClicks, Store};
use uuid::Uuid;

use crate::fixture::{NOON, click, ingest, link, read, workspace};

pub async fn counts_are_met_page_by_page(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b, c) = (link(store, ours, "a").await.id, link(store, ours, "b").await.id, link(store, theirs, "c").await.id);
    let mut clicks = Vec::new();
    for at in 0..7 {
        let of = if at % 3 == 0 { a } else { b };
        clicks.push(click(of, NOON.plus(at * Quarter::MILLIS)));
        clicks.push(Click { verdict: Verdict::Bot, ..click(of, NOON.plus(at * Quarter::MILLIS + 1)) });
    }
    ingest(store, ours, &clicks).await;
    ingest(store, theirs, &[click(c, NOON)]).await;
    let scope = read(store, ours).await;
    let all = async |limit| {
        let (mut rows, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let (page, end) = scope.cell_rows(after, limit).await.unwrap();
            rows.extend(page);
            if end.is_none() {
                return (rows, pages);
            }
            (after, pages) = (end, pages + 1);
        }
    };
    let (rows, pages) = all(100).await;
    // 7 quarters of the workspace and 7 of a link, with two verdicts each.
    assert_eq!((rows.len(), pages), (28, 1));
    assert_eq!(all(3).await, (rows.clone(), 5));
    let of = |wanted| rows.iter().filter(|row: &&CellRow| row.link == wanted).map(|row| row.clicks).sum::<u64>();
    assert_eq!((of(None), of(Some(a)), of(Some(b)), of(Some(c))), (14, 6, 8, 0));
    let first = rows.iter().find(|row| row.link == Some(a)).unwrap();
    assert_eq!((first.quarter, first.clicks), (Quarter::of(NOON), 1));
    assert_eq!(rows.first().unwrap().link, None);
}

pub async fn losses_are_met_page_by_page(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let loss = |workspace, counter, minute, reason, count| Loss { counter: Uuid::from_u128(counter), workspace, minute, reason, count };
    let losses = [
        loss(ours, 1, 5, LossReason::Quota, 1),
        loss(ours, 2, 5, LossReason::Quota, 2),
        loss(ours, 1, 5, LossReason::Disk, 3),
        loss(ours, 1, 5, LossReason::InDoubt, 4),
        loss(ours, 1, 6, LossReason::Disk, 5),
        loss(theirs, 3, 5, LossReason::Quota, 9),
    ];
    store.count_losses(&losses).await.unwrap();
    let scope = read(store, ours).await;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (page, end) = scope.lost_clicks_after(after, 2).await.unwrap();
        all.extend(page);
        if end.is_none() {
            break;
        }
        after = end;
    }
    let lost = |minute, reason, count| LostClicks { minute, reason, count };
    let wanted =
        [lost(5, LossReason::Disk, 3), lost(5, LossReason::Quota, 3), lost(5, LossReason::InDoubt, 4), lost(6, LossReason::Disk, 5)];
    assert_eq!(all, wanted);
}
