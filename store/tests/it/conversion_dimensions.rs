//! Conversions by what links and parameters say, against the same counted in memory; and that clicks without
//! conversions are counted from cells.

use std::collections::{BTreeSet, HashMap};

use domain::{Click, ClickFilter, Dimension, LinkId, Parameter};
use serde_json::json;
use store::{
    ConversionBreakdown, ConversionBreakdownRequest, ConversionDimension, ConversionQuestion, FunnelRequest, Source, UtmField,
    WorkspaceScope,
};

use crate::clicks::varied;
use crate::conversion_counts::led_to;
use crate::domains::verified;
use crate::fixture::{Database, NOON, click, ingest, new_link, read, workspace};
use crate::link_labels::{labelled, labels};
use crate::statistics::convert;

const SHARED: &str = "go.example";

fn by(dimension: Dimension, key: Option<&str>) -> ConversionDimension {
    ConversionDimension { dimension, key: key.map(str::to_owned), shared_domain: SHARED.into() }
}

async fn breakdown(scope: &WorkspaceScope, by: ConversionDimension, filter: &ClickFilter, first: u64) -> ConversionBreakdown {
    let question = ConversionQuestion { filter: filter.clone(), name: None };
    scope.conversion_breakdown(&ConversionBreakdownRequest { by, question, first }).await.unwrap()
}

/// A value, its clicks, those that led to anything, to how much, and what that was worth.
type Row = (Option<String>, u64, u64, u64, i128);

fn rows(found: &ConversionBreakdown) -> Vec<Row> {
    let minor = |row: &store::ConversionRow| row.money.iter().map(|money| money.minor).sum();
    found.rows.iter().map(|row| (row.value.text(), row.clicks, row.converted_clicks, row.conversions, minor(row))).collect()
}

fn funnel(by: ConversionDimension, filter: &ClickFilter) -> FunnelRequest {
    FunnelRequest { filter: filter.clone(), steps: vec!["signup".into(), "sale".into()], by: Some((by, 50)) }
}

pub async fn what_links_and_parameters_say_tells_conversions_apart(store: &Database) {
    let ours = workspace(store, "ours").await;
    let a = labelled(store, ours, "a", labels(&["x", "sale"], Some("f"), json!({ "k": "v" }))).await;
    let b = labelled(store, ours, "b", labels(&["x"], None, json!({ "k": "w" }))).await;
    let c = labelled(store, ours, "c", labels(&[], Some("f"), json!({}))).await;
    let domain = verified(store, ours, "go.ours.example").await;
    let scope = store.workspace(ours, store::Access::Write).await.unwrap();
    let own = scope.create_link(&domain::NewLink { domain: Some(domain.id), ..new_link("own") }, NOON).await.unwrap().id;
    scope.commit().await.unwrap();
    let links = [a, b, c, own];
    let parameter = |key: &str, value: String| Parameter { key: key.into(), value };
    let clicks: Vec<Click> = (0..40_usize)
        .map(|number| {
            let mut made = click(links[number % 7 % 4], NOON.plus(number as i64 * 60_000));
            made.parameters = vec![parameter("n", "1".into())];
            if number % 3 > 0 {
                made.parameters.extend([parameter("p\"", format!("v'{}", number % 5)), parameter("p\"", "second".into())]);
            }
            made
        })
        .collect();
    ingest(store, ours, &clicks).await;
    let mut led: HashMap<usize, u64> = HashMap::new();
    for (event, number) in [0, 0, 1, 3, 4, 5, 5, 5, 6, 8, 11, 20].into_iter().enumerate() {
        *led.entry(number).or_default() += 1;
        convert(store, ours, &clicks[number], &format!("e{event}"), "signup", NOON.plus(9_000_000), Some(100)).await;
    }
    let links_say = |values: [&[Option<&str>]; 4]| -> HashMap<LinkId, BTreeSet<Option<String>>> {
        links.into_iter().zip(values).map(|(link, values)| (link, values.iter().map(|value| value.map(str::to_owned)).collect())).collect()
    };
    let (none, f) = (&[None][..], &[Some("f")][..]);
    let of_links = [
        (by(Dimension::Tag, None), links_say([&[Some("x"), Some("sale")], &[Some("x")], none, none])),
        (by(Dimension::Folder, None), links_say([f, none, f, none])),
        (by(Dimension::Domain, None), links_say([&[Some(SHARED)], &[Some(SHARED)], &[Some(SHARED)], &[Some("go.ours.example")]])),
        (by(Dimension::Metadata, Some("k")), links_say([&[Some("v")], &[Some("w")], none, none])),
        (by(Dimension::Metadata, Some("other")), links_say([none, none, none, none])),
    ];
    let first_of = |click: &Click, key: &str| click.parameters.iter().find(|one| one.key == key).map(|one| one.value.clone());
    let scope = read(store, ours).await;
    let everything = ClickFilter::default();
    let ragged = ClickFilter { from: Some(NOON.plus(1)), to: Some(NOON.plus(31 * 60_000 + 7)), ..ClickFilter::default() };
    for filter in [&everything, &ragged] {
        let check = async |asked: ConversionDimension, values: &dyn Fn(&Click) -> BTreeSet<Option<String>>| {
            let mut wanted: HashMap<Option<String>, Row> = HashMap::new();
            for (number, click) in clicks.iter().enumerate().filter(|(_, click)| filter.matches(click)) {
                let conversions = led.get(&number).copied().unwrap_or(0);
                for value in values(click) {
                    let row = wanted.entry(value.clone()).or_insert((value, 0, 0, 0, 0));
                    row.1 += 1;
                    row.2 += u64::from(conversions > 0);
                    row.3 += conversions;
                    row.4 += i128::from(conversions) * 100;
                }
            }
            let mut wanted: Vec<Row> = wanted.into_values().collect();
            wanted.sort_by_key(|row| (u64::MAX - row.3, u64::MAX - row.1, row.0.is_none(), row.0.clone()));
            assert_eq!(rows(&breakdown(&scope, asked.clone(), filter, 500).await), wanted, "{asked:?}");
            assert_eq!(rows(&breakdown(&scope, asked.clone(), filter, 1).await), wanted[..1], "{asked:?}");
            let mut groups: Vec<_> = wanted.iter().map(|row| (row.0.clone(), vec![row.1, row.2, row.2, 0])).collect();
            groups.sort_by_key(|(value, reached)| (u64::MAX - reached[0], value.is_none(), value.clone()));
            let found = scope.funnel(&funnel(asked.clone(), filter)).await.unwrap().groups;
            let found: Vec<_> = found.into_iter().map(|group| (group.value.text(), group.reached)).collect();
            assert_eq!(found, groups, "{asked:?}");
        };
        for (asked, values) in &of_links {
            check(asked.clone(), &|click: &Click| values[&click.link].clone()).await;
        }
        for key in ["n", "p\"", "none"] {
            check(by(Dimension::Parameter, Some(key)), &|click: &Click| BTreeSet::from([first_of(click, key)])).await;
        }
    }
    let asked = by(Dimension::Tag, None);
    let totals = breakdown(&scope, asked, &everything, 1).await.totals;
    assert_eq!((totals.clicks, totals.converted_clicks, totals.conversions), (40, 9, 12), "each click counts once");
}

/// What is told of a range, of which nothing needs the clicks that led to nothing.
async fn told(scope: &WorkspaceScope, filter: &ClickFilter) -> String {
    let question = ConversionQuestion { filter: filter.clone(), name: None };
    let totals = scope.conversion_totals(&question).await.unwrap();
    assert_eq!(totals.source, Source::Rollup);
    let campaigns = scope.campaigns(UtmField::Campaign, filter, None, 50).await.unwrap();
    assert_eq!(campaigns.source, Source::Rollup);
    let mut told = format!("{totals:?}\n{campaigns:?}\n");
    for &dimension in Dimension::ALL.iter().filter(|dimension| **dimension != Dimension::Network).chain([&Dimension::Folder]) {
        let found = breakdown(scope, by(dimension, None), filter, 3).await;
        assert_eq!(found.source, Source::Rollup, "{dimension:?}");
        let funnel = scope.funnel(&funnel(by(dimension, None), filter)).await.unwrap();
        assert_eq!(funnel.source, Source::Rollup, "{dimension:?}");
        told += &format!("{dimension:?} {found:?} {funnel:?}\n");
    }
    told
}

pub async fn clicks_that_led_to_nothing_are_counted_from_cells(store: &Database) {
    let (ours, _, clicks) = varied(store, 200).await;
    let (conversions, engaged) = led_to(store, ours, &clicks).await;
    let hours = ClickFilter { from: Some(NOON.plus(3_600_000)), to: Some(NOON.plus(3 * 3_600_000)), ..ClickFilter::default() };
    let filters = [ClickFilter::default(), hours];
    let mut before = Vec::new();
    let scope = read(store, ours).await;
    for filter in &filters {
        before.push(told(&scope, filter).await);
    }
    let network = rows(&breakdown(&scope, by(Dimension::Network, None), &filters[0], 9).await);
    drop(scope);
    store
        .execute("DELETE FROM clicks WHERE id NOT IN (SELECT click_id FROM conversions) AND id NOT IN (SELECT click_id FROM engagements)")
        .await;
    let left = store.number("SELECT COUNT(*) FROM clicks").await;
    let led: BTreeSet<_> = conversions.iter().map(|one| one.click).chain(engaged).collect();
    assert_eq!(usize::try_from(left).unwrap(), led.len());
    assert!(led.len() < clicks.len());
    let scope = read(store, ours).await;
    for (filter, before) in filters.iter().zip(before) {
        assert_eq!(told(&scope, filter).await, before);
    }
    // Of networks there are no cells.
    let found = breakdown(&scope, by(Dimension::Network, None), &filters[0], 9).await;
    assert_eq!(found.source, Source::Clicks);
    assert_ne!(rows(&found), network);
}
