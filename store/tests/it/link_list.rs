//! Lists of links: what is in them, and in which order.

use domain::{LinkChange, LinkId, Millis, NewLink, Slug, Tag, UserId, WorkspaceId};
use serde_json::json;
use store::{Access, LinkOrder, LinkOrderField, LinkPlace, LinkSelection, PageRequest, Shelf, Store};

use crate::fixture::{NOON, click, ingest, new_link, read, target, workspace};
use crate::link_labels::labels;

const FIELDS: [LinkOrderField; 5] =
    [LinkOrderField::CreatedAt, LinkOrderField::UpdatedAt, LinkOrderField::LastClickedAt, LinkOrderField::Clicks, LinkOrderField::Slug];

async fn create(store: &Store, workspace: WorkspaceId, new: &NewLink, at: Millis) -> LinkId {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let link = scope.create_link(new, at).await.unwrap();
    scope.commit().await.unwrap();
    link.id
}

async fn slugs(store: &Store, workspace: WorkspaceId, selection: &LinkSelection) -> Vec<String> {
    let scope = read(store, workspace).await;
    let order = LinkOrder { field: LinkOrderField::Slug, descending: false };
    let page = scope.links(selection.clone(), order, &PageRequest::first(100)).await.unwrap();
    let slugs: Vec<String> = page.links.into_iter().map(|(_, link)| link.slug.as_str().to_owned()).collect();
    assert_eq!(scope.count_links(selection.clone()).await.unwrap(), slugs.len() as u64, "{selection:?}");
    slugs
}

pub async fn lists_hold_what_was_chosen(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let with = |slug: &str, tags: &[&str], folder| NewLink { labels: labels(tags, folder, json!({})), ..new_link(slug) };
    create(
        store,
        ours,
        &NewLink { title: Some("50% off_!".into()), created_by: Some(UserId::new(NOON, [7; 10])), ..with("a", &["Sale", "x"], Some("F")) },
        NOON,
    )
    .await;
    create(store, ours, &NewLink { external_id: Some("Ext-7".into()), ..with("b", &["ÄRGER"], Some("f")) }, NOON.plus(5)).await;
    create(store, ours, &NewLink { target: target("https://example.org/Path?q=7"), ..with("C", &[], None) }, NOON.plus(9)).await;
    create(store, theirs, &NewLink { created_by: Some(UserId::new(NOON, [7; 10])), ..with("d", &["sale"], Some("F")) }, NOON).await;
    let (maker, nobody) = (UserId::new(NOON, [7; 10]), UserId::new(NOON, [8; 10]));
    let all = LinkSelection::from(Shelf::InUse);
    let made_by = |users: &[Option<UserId>]| LinkSelection { created_by: Some(users.to_vec()), ..all.clone() };
    let tag = |text: &str| Some(Tag::from_store(text.into()));
    let search = |text: &str| LinkSelection { search: Some(text.into()), ..all.clone() };
    let tags = |tags: Vec<Option<Tag>>| LinkSelection { tags: Some(tags), ..all.clone() };
    let folders = |names: &[Option<&str>]| {
        let names = names.iter().map(|name| name.map(str::to_owned)).collect();
        LinkSelection { folders: Some(names), ..all.clone() }
    };
    for (selection, wanted) in [
        (all.clone(), vec!["a", "b", "C"]),
        (tags(vec![tag("sALE")]), vec!["a"]),
        (tags(vec![tag("sale"), tag("ärger")]), vec!["a", "b"]),
        (tags(vec![None, tag("x")]), vec!["a", "C"]),
        (tags(vec![tag("none")]), vec![]),
        (folders(&[Some("F")]), vec!["a"]),
        (folders(&[None]), vec!["C"]),
        (folders(&[None, Some("f")]), vec!["b", "C"]),
        (search("c"), vec!["a", "b", "C"]),
        (search("EXT-"), vec!["b"]),
        (search("ärg"), vec!["b"]),
        (search("sal"), vec!["a"]),
        (search("% OFF_!"), vec!["a"]),
        (search("50_"), vec![]),
        (search("PATH?Q"), vec!["C"]),
        (made_by(&[Some(maker)]), vec!["a"]),
        (made_by(&[None]), vec!["b", "C"]),
        (made_by(&[Some(nobody)]), vec![]),
        (made_by(&[None, Some(maker), Some(nobody)]), vec!["a", "b", "C"]),
        (made_by(&[]), vec![]),
        (LinkSelection { updated_since: Some(NOON.plus(5)), ..all.clone() }, vec!["b", "C"]),
        (LinkSelection { updated_since: Some(NOON.plus(5)), ..tags(vec![tag("sale"), None]) }, vec!["C"]),
        (LinkSelection { domains: Some(vec![]), ..all.clone() }, vec![]),
        (Shelf::Archived.into(), vec![]),
    ] {
        assert_eq!(slugs(store, ours, &selection).await, wanted, "{selection:?}");
    }
}

pub async fn every_order_is_met_page_by_page(store: &Store) {
    let ours = workspace(store, "ours").await;
    let mut ids = Vec::new();
    // Several of each value, and none in the order of another.
    for (index, slug) in ["b", "B-1", "a", "D", "c", "Aa", "d_", "e"].into_iter().enumerate() {
        let at = NOON.plus([3, 1, 1, 2, 0, 3, 2, 2][index]);
        ids.push(create(store, ours, &new_link(slug), at).await);
    }
    for (index, at) in [(1_usize, 50), (4, 20), (6, 50)] {
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        scope
            .update_link(ids[index], LinkChange { title: Some(Some("T".into())), ..LinkChange::default() }, None, NOON.plus(at))
            .await
            .unwrap();
        scope.commit().await.unwrap();
    }
    let clicked = [(0_usize, 1), (0, 2), (2, 9), (3, 2), (5, 7), (5, 9), (7, 2)];
    let clicks: Vec<_> = clicked.iter().map(|(index, at)| click(ids[*index], NOON.plus(*at))).collect();
    ingest(store, ours, &clicks).await;
    let scope = read(store, ours).await;
    let links = scope.links_by_id(&ids).await.unwrap();
    for field in FIELDS {
        for descending in [false, true] {
            let order = LinkOrder { field, descending };
            let mut wanted = links.clone();
            wanted.sort_by(|one, other| {
                let clicks = |id: LinkId| clicked.iter().filter(|(index, _)| ids[*index] == id).count();
                let slug = |slug: &Slug| slug.as_str().to_lowercase();
                // Links without clicks come last in both directions.
                let unclicked = one.last_clicked_at.is_none().cmp(&other.last_clicked_at.is_none());
                let by_value = match field {
                    LinkOrderField::CreatedAt => one.created_at.cmp(&other.created_at),
                    LinkOrderField::UpdatedAt => one.updated_at.cmp(&other.updated_at),
                    LinkOrderField::LastClickedAt => one.last_clicked_at.cmp(&other.last_clicked_at),
                    LinkOrderField::Clicks => clicks(one.id).cmp(&clicks(other.id)),
                    LinkOrderField::Slug => slug(&one.slug).cmp(&slug(&other.slug)),
                };
                let by_value = by_value.then(one.id.cmp(&other.id));
                let by_value = if descending { by_value.reverse() } else { by_value };
                if field == LinkOrderField::LastClickedAt { unclicked.then(by_value) } else { by_value }
            });
            let wanted: Vec<LinkId> = wanted.into_iter().map(|link| link.id).collect();
            for size in [1, 3, 100] {
                for backwards in [false, true] {
                    let (mut found, mut place): (Vec<LinkId>, Option<LinkPlace>) = (Vec::new(), None);
                    loop {
                        let request = match backwards {
                            false => PageRequest { after: place.take(), ..PageRequest::first(size) },
                            true => PageRequest { before: place.take(), backwards, ..PageRequest::first(size) },
                        };
                        let page = scope.links(Shelf::InUse, order, &request).await.unwrap();
                        let ids = page.links.iter().map(|(_, link)| link.id);
                        found = if backwards { ids.chain(found).collect() } else { found.into_iter().chain(ids).collect() };
                        let (more, end) =
                            if backwards { (page.has_previous, page.links.first()) } else { (page.has_next, page.links.last()) };
                        if !more {
                            break;
                        }
                        place = end.map(|(place, _)| place.clone());
                        assert!(place.as_ref().is_some_and(|place| field.takes(&place.value)));
                    }
                    assert_eq!(found, wanted, "{order:?} {size} {backwards}");
                }
            }
        }
    }
}
