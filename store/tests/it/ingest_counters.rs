//! Losses: counted once, seen by their workspace only.

use domain::{Loss, LossReason, Millis, WorkspaceId};
use store::{LostClicks, Store};
use uuid::Uuid;

use crate::fixture::{read, workspace};

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
