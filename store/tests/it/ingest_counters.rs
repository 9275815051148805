//! Losses: counted once, seen by their workspace only.

use domain::{Click, Loss, LossReason, Millis, Outcome, Verdict, WorkspaceId};
use store::{LostClicks, Store};
use uuid::Uuid;

use crate::fixture::{NOON, click, ingest, link, read, workspace};

pub fn loss(workspace: WorkspaceId, counter: u128, count: u64) -> Loss {
    let counter = Uuid::from_u128(workspace.0.as_u128() ^ counter);
    Loss { counter, workspace, minute: 29_539_440, reason: LossReason::Disk, count }
}

pub async fn losses_count_once_however_often_they_come(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let late = Loss { minute: 29_539_441, reason: LossReason::Quota, ..loss(ours, 3, 1) };
    // Two redirectors lost clicks of the same minute; states come twice and out of order.
    for losses in [
        vec![loss(ours, 1, 7), loss(theirs, 1, 1)],
        vec![loss(ours, 2, 5), late],
        vec![loss(ours, 1, 9), loss(ours, 1, 8)],
        vec![late, loss(ours, 1, 7)],
        vec![],
    ] {
        store.count_losses(&losses).await.unwrap();
    }
    let lost = |minute, reason, count| LostClicks { minute, reason, count };
    let minute = |number: i64| Millis(number * 60_000);
    let all = (minute(29_539_440), minute(29_539_442));
    let found = read(store, ours).await.lost_clicks(all.0, all.1).await.unwrap();
    assert_eq!(found, [lost(29_539_440, LossReason::Disk, 14), lost(29_539_441, LossReason::Quota, 1)]);
    assert_eq!(read(store, theirs).await.lost_clicks(all.0, all.1).await.unwrap(), [lost(29_539_440, LossReason::Disk, 1)]);
    // A minute belongs to the range that it begins in.
    let second = async |from: Millis, to: Millis| read(store, ours).await.lost_clicks(from, to).await.unwrap();
    let quota = [lost(29_539_441, LossReason::Quota, 1)];
    assert_eq!(second(all.0.plus(1), all.1).await, quota);
    assert_eq!(second(minute(29_539_441), minute(29_539_441).plus(1)).await, quota);
    assert_eq!(second(minute(29_539_441).plus(1), all.1).await, []);
}

/// By the minutes, and quarter-hours, of the clicks: whenever they are delivered again, or judged.
pub async fn copies_and_machines_are_told_by_their_time(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let a = link(store, ours, "a").await.id;
    let bot = |at: i64| Click { verdict: Verdict::Bot, ..click(a, NOON.plus(at)) };
    let clicks = [bot(0), bot(59_999), bot(900_000), click(a, NOON.plus(60_000)), Click { outcome: Outcome::Preview, ..bot(1) }];
    assert_eq!(ingest(store, ours, &clicks).await.duplicates, 0);
    let minute = NOON.0 / 60_000;
    let lost = |minute, reason, count| LostClicks { minute, reason, count };
    let told = async |workspace| read(store, workspace).await.lost_clicks(NOON, NOON.plus(3_600_000)).await.unwrap();
    assert_eq!(told(ours).await, []);
    // Two of them once more, one beside a new one and itself.
    assert_eq!(ingest(store, ours, &[clicks[0].clone(), clicks[3].clone()]).await.duplicates, 2);
    let new = click(a, NOON.plus(7));
    assert_eq!(ingest(store, ours, &[clicks[1].clone(), new.clone(), new]).await.duplicates, 2);
    assert_eq!(told(ours).await, [lost(minute, LossReason::Duplicate, 3), lost(minute + 1, LossReason::Duplicate, 1)]);
    let bots =
        async |workspace, from: i64, to: i64| read(store, workspace).await.bots_by_quarter(NOON.plus(from), NOON.plus(to)).await.unwrap();
    let (first, second) = (lost(minute, LossReason::Bot, 2), lost(minute + 15, LossReason::Bot, 1));
    assert_eq!(bots(ours, 0, 900_001).await, [first, second]);
    assert_eq!((bots(ours, 0, 900_000).await, bots(ours, 1, 3_600_000).await), (vec![first], vec![second]));
    assert_eq!((bots(theirs, 0, 3_600_000).await, told(theirs).await), (vec![], vec![]));
}
