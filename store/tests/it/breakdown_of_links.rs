//! Breakdowns by what only links say, against the same clicks grouped in memory.

use domain::{Click, ClickFilter, Dimension, DimensionValue, LinkChange, Verdict};
use store::{Access, BreakdownRequest, BreakdownRow, Store, WorkspaceScope};

use crate::breakdown::request;
use crate::clicks::{filters, varied};
use crate::domains::verified;
use crate::fixture::{NOON, click, ingest, link, new_link, read, workspace};
use crate::link_labels::labels;

/// A dimension of links, its key, and the values of each link.
type OfLinks = (Dimension, Option<&'static str>, Vec<Vec<DimensionValue>>);

/// What each of the links is in, by dimension and key.
fn groups_of_links(own_host: &str) -> Vec<OfLinks> {
    let texts = |texts: &[&str]| texts.iter().map(|text| DimensionValue::Text((*text).to_owned())).collect::<Vec<_>>();
    let none = || vec![DimensionValue::Unknown];
    vec![
        (Dimension::Tag, None, vec![texts(&["sale", "x"]), texts(&["sale"]), none()]),
        (Dimension::Folder, None, vec![texts(&["f/g"]), none(), texts(&["f/g"])]),
        (Dimension::Domain, None, vec![texts(&["go.example"]), texts(&["go.example"]), texts(&[own_host])]),
        (Dimension::Metadata, Some("k"), vec![texts(&["v"]), texts(&["true"]), none()]),
        (Dimension::Metadata, Some("nothing"), vec![none(), none(), none()]),
    ]
}

pub async fn clicks_are_grouped_by_what_their_links_say(store: &Store) {
    let (ours, links, mut clicks) = varied(store, 200).await;
    let domain = verified(store, ours, "go.ours.example").await;
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let own = scope.create_link(&domain::NewLink { domain: Some(domain.id), ..new_link("own") }, NOON).await.unwrap().id;
    for (link, labels) in [
        (links[0], labels(&["sale", "x"], Some("f/g"), serde_json::json!({ "k": "v" }))),
        (links[1], labels(&["sale"], None, serde_json::json!({ "k": true }))),
        (own, labels(&[], Some("f/g"), serde_json::json!({}))),
    ] {
        let labels = domain::LinkLabelsChange { tags: Some(labels.tags), folder: Some(labels.folder), metadata: Some(labels.metadata) };
        scope.update_link(link, LinkChange { labels, ..LinkChange::default() }, None, NOON).await.unwrap();
    }
    // Clicks of what is deleted are counted still.
    scope.delete_link(links[1], NOON).await.unwrap();
    scope.commit().await.unwrap();
    let on_own: Vec<Click> = (0..9).map(|at| click(own, NOON.plus(at * 400_000))).collect();
    ingest(store, ours, &on_own).await;
    clicks.extend(on_own);
    let scope = read(store, ours).await;
    let others = scope_of_another(store).await;
    for filter in filters(links) {
        let compared = ClickFilter { from: Some(NOON.plus(600_000)), to: Some(NOON.plus(3_700_000)), ..filter.clone() };
        for (dimension, key, groups) in groups_of_links("go.ours.example") {
            let asked = BreakdownRequest {
                compared: Some(compared.clone()),
                key: key.map(str::to_owned),
                shared_domain: "go.example".into(),
                ..request(dimension, filter.clone())
            };
            let of = |click: &Click| &groups[[links[0], links[1], own].iter().position(|link| *link == click.link).unwrap()];
            let matching = |filter: &ClickFilter| {
                let filter = filter.with_default_verdicts(&[Verdict::Human]);
                clicks.iter().filter(|click| filter.matches(click)).cloned().collect::<Vec<_>>()
            };
            let (now, before) = (matching(&filter), matching(&compared));
            let count = |clicks: &[Click], value| clicks.iter().filter(|click| of(click).contains(value)).count() as u64;
            let found = scope.breakdown(&asked).await.unwrap();
            let mut wanted: Vec<BreakdownRow> = Vec::new();
            for value in now.iter().flat_map(&of) {
                if !wanted.iter().any(|row| row.value == *value) {
                    wanted.push(BreakdownRow { value: value.clone(), clicks: count(&now, value), previous: Some(count(&before, value)) });
                }
            }
            wanted.sort_by_key(|row| (u64::MAX - row.clicks, row.value.text().is_none(), row.value.text()));
            assert_eq!(found.rows, wanted, "{dimension:?} {filter:?}");
            assert_eq!((found.total, found.other), (now.len() as u64, 0), "{dimension:?} {filter:?}");
            let by_link = scope.breakdown(&request(Dimension::Link, filter.clone())).await.unwrap();
            assert_eq!(found.source, by_link.source, "{dimension:?} {filter:?}");
            let cut = scope.breakdown(&BreakdownRequest { first: 1, ..asked.clone() }).await.unwrap();
            let shown = wanted.first().map(|row| row.value.clone());
            let other = now.iter().filter(|click| shown.as_ref().is_none_or(|shown| !of(click).contains(shown))).count() as u64;
            assert_eq!((cut.rows.len(), cut.other), (wanted.len().min(1), other), "{dimension:?} {filter:?}");
            let searched = scope.breakdown(&BreakdownRequest { search: Some("SAL".into()), ..asked.clone() }).await.unwrap();
            wanted.retain(|row| row.value == DimensionValue::Text("sale".into()));
            assert_eq!((searched.rows, searched.total), (wanted, now.len() as u64), "{dimension:?} {filter:?}");
            assert_eq!(others.breakdown(&asked).await.unwrap().total, 0);
        }
    }
}

async fn scope_of_another(store: &Store) -> WorkspaceScope {
    let theirs = workspace(store, "theirs").await;
    let other = link(store, theirs, "c").await.id;
    read(store, theirs).await.link(other).await.unwrap();
    read(store, theirs).await
}
