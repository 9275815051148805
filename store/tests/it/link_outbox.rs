//! Changes of links on their way to the snapshot.

use domain::{LinkAddress, LinkChange, LinkState, Slug};
use store::{Access, Store};

use crate::fixture::{NOON, link, new_link, target, workspace};

async fn states(store: &Store) -> Vec<LinkState> {
    store.link_outbox(100).await.unwrap().into_iter().map(|entry| entry.state).collect()
}

pub async fn every_change_of_a_link_is_in_the_outbox(store: &Store) {
    let store = &store.clone().with_link_outbox();
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let made = link(store, ours, "One").await;
    link(store, theirs, "other").await;
    assert_eq!(states(store).await.iter().map(|state| state.address.folded.as_str()).collect::<Vec<_>>(), ["one", "other"]);
    assert_eq!(states(store).await[0].link, store.resolve_link("one").await.unwrap());

    let change =
        LinkChange { slug: Some(Slug::parse("two").unwrap()), target: Some(target("https://example.com/2")), ..LinkChange::default() };
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.update_link(made.id, change, None, NOON).await.unwrap();
    scope.commit().await.unwrap();
    let changed = states(store).await.split_off(2);
    // Both of its slugs, each with what is there now.
    assert_eq!(changed.iter().map(|state| state.version).collect::<Vec<_>>(), [2, 2]);
    assert!(changed.iter().all(|state| state.link.as_ref().unwrap().target.as_str() == "https://example.com/2"));
    // The older row of the slug says what is there now too.
    assert_eq!(states(store).await[0].version, 2);

    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.delete_link(made.id, NOON).await.unwrap();
    scope.commit().await.unwrap();
    let deleted = states(store).await.pop().unwrap();
    assert!(deleted.version == 3 && deleted.link.unwrap().deleted);
    // What was rolled back never was.
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.create_link(&new_link("never"), NOON).await.unwrap();
    drop(scope);
    assert_eq!(states(store).await.len(), 6);
}

pub async fn only_what_was_published_is_cleared(store: &Store) {
    let store = &store.clone().with_link_outbox();
    let ours = workspace(store, "ours").await;
    for slug in ["a", "b", "c"] {
        link(store, ours, slug).await;
    }
    assert_eq!(store.link_outbox_rows().await.unwrap(), 3);
    let first = store.link_outbox(2).await.unwrap();
    assert_eq!(first.len(), 2);
    store.clear_link_outbox(&[]).await.unwrap();
    store.clear_link_outbox(&first.iter().map(|entry| entry.id).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(states(store).await.iter().map(|state| state.address.folded.as_str()).collect::<Vec<_>>(), ["c"]);
}

pub async fn without_a_snapshot_nothing_gathers(store: &Store) {
    let ours = workspace(store, "ours").await;
    link(store, ours, "a").await;
    assert!(store.link_outbox(10).await.unwrap().is_empty());
}

pub async fn all_links_are_met_page_by_page(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    for index in 0..3 {
        link(store, ours, &format!("ours-{index}")).await;
        link(store, theirs, &format!("theirs-{index}")).await;
    }
    let (mut after, mut found): (Option<LinkAddress>, Vec<String>) = (None, Vec::new());
    loop {
        let page = store.links_after(after.as_ref(), 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.address.clone());
        found.extend(page.into_iter().filter(|state| state.link.is_some()).map(|state| state.address.folded));
    }
    assert_eq!(found, ["ours-0", "ours-1", "ours-2", "theirs-0", "theirs-1", "theirs-2"]);
}
