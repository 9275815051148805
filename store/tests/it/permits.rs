//! Permits of links whose clicks are limited.

use domain::{GateChange, LeaseId, LinkChange, LinkId, Millis, PermitLease, Wanted, WorkspaceId};
use platform::Rng;
use store::{Access, Store};

use crate::fixture::{NOON, new_link, workspace};
use crate::gates::limit;

const DAY: i64 = 86_400_000;

async fn limited(store: &Store, workspace: WorkspaceId, slug: &str, most: i64) -> LinkId {
    let mut new = new_link(slug);
    new.gate.click_limit = limit(most);
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let id = scope.create_link(&new, NOON).await.unwrap().id;
    scope.commit().await.unwrap();
    id
}

async fn update(store: &Store, workspace: WorkspaceId, link: LinkId, change: LinkChange, now: Millis) {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.update_link(link, change, None, now).await.unwrap();
    scope.commit().await.unwrap();
}

/// A block that nobody has asked for.
fn block(workspace: WorkspaceId, link: LinkId) -> PermitLease {
    PermitLease { id: LeaseId::new(NOON, Rng::System.entropy()), link, workspace }
}

async fn lease(store: &Store, block: &PermitLease, at_most: u32) -> u32 {
    store.lease(block, Wanted { at_least: 1, at_most }, NOON).await.unwrap()
}

/// How many are left, which are taken by that.
async fn rest(store: &Store, workspace: WorkspaceId, link: LinkId) -> u32 {
    store.lease(&block(workspace, link), Wanted { at_least: 256, at_most: 256 }, NOON).await.unwrap()
}

pub async fn permits_never_pass_the_limit(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = limited(store, ours, "limited", 100).await;
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut all, mut blocks) = (0, Vec::new());
                loop {
                    let leased = lease(&store, &block(ours, link), 50).await;
                    if leased == 0 {
                        return (all, blocks);
                    }
                    all += leased;
                    blocks.push(leased);
                }
            })
        })
        .collect();
    let mut sum = 0;
    for taker in takers {
        let (all, blocks) = taker.await.unwrap();
        sum += all;
        // An eighth of what is left at most, down to one by one.
        assert!(blocks.iter().all(|block| *block <= 12) && blocks.is_sorted_by(|a, b| a >= b), "{blocks:?}");
    }
    assert_eq!(sum, 100);
    // A raised limit goes on from there; one taken away and given back does not begin again.
    for (limit, leased) in [(limit(101), 1), (None, 0), (limit(101), 0), (limit(90), 0)] {
        let change = LinkChange { gate: GateChange { click_limit: Some(limit), ..GateChange::default() }, ..LinkChange::default() };
        update(store, ours, link, change, NOON).await;
        assert_eq!(lease(store, &block(ours, link), 1).await, leased, "{limit:?}");
    }
}

pub async fn a_block_is_leased_once_and_given_back_once(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = limited(store, ours, "limited", 100).await;
    let (first, second) = (block(ours, link), block(ours, link));
    // The answer got lost, so it is asked for again.
    assert_eq!([lease(store, &first, 10).await, lease(store, &first, 10).await, lease(store, &first, 3).await], [10, 10, 10]);
    assert_eq!(lease(store, &second, 10).await, 10);
    let give_back = async |block: &PermitLease, unused| store.return_permits(block, unused).await.unwrap();
    // So does the answer to what is given back: however often it comes, it gives four.
    assert_eq!([give_back(&first, 4).await, give_back(&first, 4).await, give_back(&first, 4).await], [true, false, false]);
    // Nobody gives back more than a block has, nor what was never leased.
    assert_eq!([give_back(&second, 1_000).await, give_back(&block(ours, link), 5).await], [true, false]);
    assert_eq!(rest(store, ours, link).await, 94);
    // What comes too late gives nothing.
    let late = block(ours, limited(store, ours, "late", 100).await);
    assert_eq!(lease(store, &late, 10).await, 10);
    let next = Wanted { at_least: 1, at_most: 1 };
    assert_eq!(store.lease(&block(ours, late.link), next, NOON.plus(60_000)).await.unwrap(), 1);
    assert!(!give_back(&late, 10).await);
    assert_eq!(rest(store, ours, late.link).await, 89);
}

pub async fn what_is_needed_is_granted_up_to_the_limit(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = limited(store, ours, "limited", 100).await;
    let needed = async |at_least| store.lease(&block(ours, link), Wanted { at_least, at_most: at_least }, NOON).await.unwrap();
    assert_eq!([needed(70).await, needed(20).await, needed(20).await, needed(1).await], [70, 20, 10, 0]);
}

pub async fn another_workspace_gets_no_permits(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let link = limited(store, ours, "limited", 10).await;
    let mine = block(ours, link);
    assert_eq!((lease(store, &mine, 5).await, lease(store, &block(theirs, link), 5).await), (1, 0));
    assert!(!store.return_permits(&PermitLease { workspace: theirs, ..mine }, 1).await.unwrap());
    assert_eq!(rest(store, ours, link).await, 9);
}

pub async fn permits_that_nobody_can_use_are_forgotten(store: &Store) {
    let ours = workspace(store, "ours").await;
    let [kept, unlimited, deleted] =
        [limited(store, ours, "kept", 10).await, limited(store, ours, "unlimited", 10).await, limited(store, ours, "deleted", 10).await];
    for link in [kept, unlimited] {
        assert_eq!(rest(store, ours, link).await, 10);
    }
    let without = LinkChange { gate: GateChange { click_limit: Some(None), ..GateChange::default() }, ..LinkChange::default() };
    update(store, ours, unlimited, without, NOON).await;
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.delete_link(deleted, NOON).await.unwrap();
    scope.commit().await.unwrap();
    let again = async |now| {
        let limit = LinkChange { gate: GateChange { click_limit: Some(limit(10)), ..GateChange::default() }, ..LinkChange::default() };
        update(store, ours, unlimited, limit, now).await;
        rest(store, ours, unlimited).await
    };
    // A limit that comes back soon goes on.
    store.clean_permits(NOON.plus(90 * DAY)).await.unwrap();
    assert_eq!(again(NOON.plus(1)).await, 0);
    assert_eq!(lease(store, &block(ours, deleted), 1).await, 1);
    let without = LinkChange { gate: GateChange { click_limit: Some(None), ..GateChange::default() }, ..LinkChange::default() };
    update(store, ours, unlimited, without, NOON.plus(2)).await;
    store.clean_permits(NOON.plus(90 * DAY + 3)).await.unwrap();
    assert_eq!(again(NOON.plus(91 * DAY)).await, 10);
    assert_eq!(rest(store, ours, kept).await, 0);
    assert_eq!(lease(store, &block(ours, deleted), 1).await, 0);
}
