//! Links and the slugs that lead to them.

use domain::{LinkAddress, LinkChange, Slug};
use store::{Access, Conflict, LinkOrder, LinkPage, LinkPlace, PageRequest, Shelf, Store, StoreError};

use crate::fixture::{NOON, link, new_link, read, target, workspace};

pub async fn slugs_are_unique_without_regard_to_case(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let made = link(store, ours, "Sale").await;
    assert_eq!((made.slug.as_str(), made.version, made.last_clicked_at), ("Sale", 1, None));
    for workspace in [ours, theirs] {
        let scope = store.workspace(workspace, Access::Write).await.unwrap();
        assert!(matches!(scope.create_link(&new_link("sALE"), NOON).await, Err(StoreError::Conflict(Conflict::Slug))));
    }
    let resolved = store.resolve_link("sale").await.unwrap().unwrap();
    assert_eq!((resolved.id, resolved.workspace, resolved.deleted), (made.id, ours, false));
    assert_eq!(store.resolve_link("sal").await.unwrap(), None);
}

pub async fn updates_raise_the_version_and_keep_aliases(store: &Store) {
    let ours = workspace(store, "ours").await;
    let made = link(store, ours, "one").await;
    let slug = |text: &str| LinkChange { slug: Some(Slug::parse(text).unwrap()), ..LinkChange::default() };
    let update = async |change, expected| {
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        let link = scope.update_link(made.id, change, expected, NOON.plus(5)).await?;
        scope.commit().await?;
        Ok::<_, StoreError>(link)
    };
    assert!(matches!(update(slug("two"), Some(7)).await, Err(StoreError::Conflict(Conflict::Version))));
    let change = LinkChange { target: Some(target("https://example.com/other")), title: Some(Some("T".into())), ..slug("Two") };
    let changed = update(change, Some(1)).await.unwrap();
    assert_eq!((changed.version, changed.slug.as_str(), changed.title.as_deref()), (2, "Two", Some("T")));
    assert_eq!((changed.target.as_str(), changed.updated_at), ("https://example.com/other", NOON.plus(5)));
    // Both lead to it, and one may go back to the old one.
    for folded in ["one", "two"] {
        assert_eq!(store.resolve_link(folded).await.unwrap().unwrap().version, 2);
    }
    assert_eq!(update(slug("ONE"), None).await.unwrap().slug.as_str(), "ONE");
    link(store, ours, "taken").await;
    assert!(matches!(update(slug("taken"), None).await, Err(StoreError::Conflict(Conflict::Slug))));
    assert_eq!(update(LinkChange { title: Some(None), ..LinkChange::default() }, None).await.unwrap().title, None);
}

pub async fn deleted_links_are_tombstones(store: &Store) {
    let ours = workspace(store, "ours").await;
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let mut new = new_link("gone");
    new.external_id = Some("x1".into());
    let made = scope.create_link(&new, NOON).await.unwrap();
    assert_eq!(scope.link_by_external_id("x1").await.unwrap().id, made.id);
    assert_eq!(scope.link_at(&LinkAddress::shared("gone")).await.unwrap().id, made.id);
    scope.delete_link(made.id, NOON).await.unwrap();
    scope.commit().await.unwrap();
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    assert!(matches!(scope.link(made.id).await, Err(StoreError::NotFound)));
    assert!(matches!(scope.delete_link(made.id, NOON).await, Err(StoreError::NotFound)));
    assert_eq!(scope.links_by_id(&[made.id]).await.unwrap().len(), 1);
    assert!(store.resolve_link("gone").await.unwrap().unwrap().deleted);
    // The external id is free again, the slug is not.
    let mut next = new_link("next");
    next.external_id = Some("x1".into());
    scope.create_link(&next, NOON).await.unwrap();
    assert!(matches!(scope.create_link(&new_link("gone"), NOON).await, Err(StoreError::Conflict(Conflict::Slug))));
}

pub async fn pages_go_both_ways(store: &Store) {
    let ours = workspace(store, "ours").await;
    for index in 0..5 {
        link(store, ours, &format!("link-{index}")).await;
    }
    let scope = read(store, ours).await;
    let links = async |page: &PageRequest<LinkPlace>| scope.links(Shelf::InUse, LinkOrder::NEWEST, page).await.unwrap();
    let places = |page: &LinkPage| page.links.iter().map(|(place, _)| place.clone()).collect::<Vec<LinkPlace>>();
    let all = places(&links(&PageRequest::first(10)).await);
    assert_eq!((all.len(), scope.count_links(Shelf::InUse).await.unwrap()), (5, 5));
    let page = links(&PageRequest { after: Some(all[0].clone()), ..PageRequest::first(2) }).await;
    assert_eq!(places(&page), all[1..3]);
    assert!(page.has_next && page.has_previous);
    let back = PageRequest { limit: 2, after: None, before: Some(all[4].clone()), backwards: true };
    let page = links(&back).await;
    assert_eq!(places(&page), all[2..4]);
    assert!(page.has_next && page.has_previous);
    assert!(links(&PageRequest::first(0)).await.links.is_empty());
}

pub async fn another_workspace_sees_nothing(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let made = link(store, ours, "ours").await;
    let scope = store.workspace(theirs, Access::Write).await.unwrap();
    assert!(matches!(scope.link(made.id).await, Err(StoreError::NotFound)));
    assert!(matches!(scope.link_at(&LinkAddress::shared("ours")).await, Err(StoreError::NotFound)));
    assert!(matches!(scope.delete_link(made.id, NOON).await, Err(StoreError::NotFound)));
    assert!(scope.slugs_of(made.id).await.unwrap().is_empty());
    assert!(scope.links_by_id(&[made.id]).await.unwrap().is_empty());
    assert!(scope.links(Shelf::InUse, LinkOrder::NEWEST, &PageRequest::first(10)).await.unwrap().links.is_empty());
}
