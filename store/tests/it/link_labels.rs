//! Tags, folders and metadata of links.

use std::collections::HashMap;

use domain::{Folder, LinkChange, LinkId, LinkLabels, LinkLabelsChange, Metadata, Tag};
use serde_json::{Value, json};
use store::{Access, Conflict, LinkGroup, Shared, Store, StoreError};

use crate::domains::verified;
use crate::fixture::{NOON, new_link, read, workspace};

pub fn labels(tags: &[&str], folder: Option<&str>, metadata: Value) -> LinkLabels {
    LinkLabels {
        tags: tags.iter().map(|tag| Tag::parse("tags", tag).unwrap()).collect(),
        folder: folder.map(|folder| Folder::from_store(folder.to_owned())),
        metadata: Metadata::parse(metadata).unwrap(),
    }
}

pub async fn labelled(store: &Store, workspace: domain::WorkspaceId, slug: &str, labels: LinkLabels) -> LinkId {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let link = scope.create_link(&domain::NewLink { labels, ..new_link(slug) }, NOON).await.unwrap();
    scope.commit().await.unwrap();
    link.id
}

async fn change(
    store: &Store,
    workspace: domain::WorkspaceId,
    id: LinkId,
    labels: LinkLabelsChange,
    version: i32,
) -> Result<(), StoreError> {
    let scope = store.workspace(workspace, Access::Write).await?;
    scope.update_link(id, LinkChange { labels, ..LinkChange::default() }, Some(version), NOON).await?;
    scope.commit().await
}

pub async fn labels_change_with_their_link(store: &Store) {
    let ours = workspace(store, "ours").await;
    let made =
        labels(&["Sale", "b", "Ärger"], Some("x/y"), json!({ "z": "t", "a": 1.5, "on": false, "big": 18_446_744_073_709_551_615_u64 }));
    let id = labelled(store, ours, "one", made.clone()).await;
    let other = labelled(store, ours, "two", labels(&["sale"], None, json!({ "z": "u" }))).await;
    let stored = async |id| read(store, ours).await.link(id).await.unwrap();
    assert_eq!(stored(id).await.labels, made);
    // What is not named stays.
    change(store, ours, id, LinkLabelsChange::default(), 1).await.unwrap();
    assert_eq!((stored(id).await.labels, stored(id).await.version), (made.clone(), 2));
    let tags = LinkLabelsChange { tags: Some(labels(&["B", "c"], None, json!({})).tags), ..LinkLabelsChange::default() };
    let stale = change(store, ours, id, tags.clone(), 1).await;
    assert!(matches!(stale, Err(StoreError::Conflict(Conflict::Version))), "{stale:?}");
    assert_eq!(stored(id).await.labels, made);
    change(store, ours, id, tags, 2).await.unwrap();
    assert_eq!(stored(id).await.labels, LinkLabels { tags: labels(&["B", "c"], None, json!({})).tags, ..made.clone() });
    let cleared = LinkLabelsChange { tags: Some(Vec::new()), folder: Some(None), metadata: Some(Metadata::default()) };
    change(store, ours, id, cleared, 3).await.unwrap();
    assert_eq!((stored(id).await.labels, stored(id).await.version), (LinkLabels::default(), 4));
    assert_eq!(stored(other).await.labels, labels(&["sale"], None, json!({ "z": "u" })));
    // A change that is not carried through leaves them as they were.
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let clear = LinkLabelsChange { tags: Some(Vec::new()), ..LinkLabelsChange::default() };
    scope.update_link(other, LinkChange { labels: clear, ..LinkChange::default() }, None, NOON).await.unwrap();
    drop(scope);
    assert_eq!(stored(other).await.labels.tags.len(), 1);
}

pub async fn what_links_share_is_told_with_how_many_have_it(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    labelled(store, ours, "a", labels(&["sale", "x"], Some("f"), json!({}))).await;
    let b = labelled(store, ours, "b", labels(&["SALE", "gone"], Some("g"), json!({}))).await;
    labelled(store, ours, "c", labels(&["Sale", "ä"], Some("f"), json!({}))).await;
    labelled(store, ours, "d", LinkLabels::default()).await;
    labelled(store, theirs, "e", labels(&["theirs", "x"], Some("theirs"), json!({}))).await;
    let shared = |name: &str, links| Shared { name: name.into(), links };
    let scope = read(store, ours).await;
    assert_eq!(scope.tags().await.unwrap(), [shared("SALE", 3), shared("gone", 1), shared("x", 1), shared("ä", 1)]);
    assert_eq!(scope.folders().await.unwrap(), [shared("f", 2), shared("g", 1)]);
    drop(scope);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.delete_link(b, NOON).await.unwrap();
    scope.commit().await.unwrap();
    let scope = read(store, ours).await;
    assert_eq!(scope.tags().await.unwrap(), [shared("Sale", 2), shared("x", 1), shared("ä", 1)]);
    assert_eq!(scope.folders().await.unwrap(), [shared("f", 2)]);
}

pub async fn links_are_grouped_by_what_they_say_of_themselves(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let a = labelled(store, ours, "a", labels(&["sale", "x"], Some("f"), json!({ "k": "v", "n": 1 }))).await;
    let b = labelled(store, ours, "b", labels(&["y", "SALE"], None, json!({ "k": true }))).await;
    let c = labelled(store, ours, "c", labels(&[], Some("f"), json!({ "K": "v" }))).await;
    labelled(store, theirs, "d", labels(&["x"], Some("f"), json!({ "k": "v" }))).await;
    let domain = verified(store, ours, "go.ours.example").await;
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let own = scope.create_link(&domain::NewLink { domain: Some(domain.id), ..new_link("own") }, NOON).await.unwrap().id;
    // Clicks of what is deleted are counted still.
    scope.delete_link(b, NOON).await.unwrap();
    scope.commit().await.unwrap();
    let scope = read(store, ours).await;
    let told = |groups: &[(LinkId, &[&str])]| -> HashMap<LinkId, Vec<String>> {
        groups.iter().map(|(link, values)| (*link, values.iter().map(|value| (*value).to_owned()).collect())).collect()
    };
    for (group, wanted) in [
        (LinkGroup::Tag, told(&[(a, &["SALE", "x"]), (b, &["y", "SALE"])])),
        (LinkGroup::Folder, told(&[(a, &["f"]), (c, &["f"])])),
        (LinkGroup::Domain, told(&[(own, &["go.ours.example"])])),
        (LinkGroup::Metadata("k".into()), told(&[(a, &["v"]), (b, &["true"])])),
        (LinkGroup::Metadata("nothing".into()), told(&[])),
    ] {
        assert_eq!(scope.links_by(&group).await.unwrap(), wanted, "{group:?}");
    }
}
