//! Series of values against the same clicks counted in memory.

use domain::{
    AuditId, Bucket, BucketSpan, Click, ClickFilter, ClickProperties, Device, Dimension, DimensionValue, LinkChange, LinkLabelsChange,
    Millis, Verdict, buckets,
};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{Access, BreakdownRequest, SeriesBy, Source, Store};

use crate::clicks::{filters, varied};
use crate::fixture::{NOON, click, ingest, link, read, workspace};
use crate::link_labels::labels;

fn points(clicks: &[Click], spans: &[BucketSpan], has: impl Fn(&Click) -> bool) -> Vec<u64> {
    let within = |span: &BucketSpan, click: &Click| click.occurred_at() >= span.start && click.occurred_at() < span.end;
    spans.iter().map(|span| clicks.iter().filter(|click| within(span, click) && has(click)).count() as u64).collect()
}

pub async fn the_values_of_a_dimension_have_their_series(store: &Store) {
    let (ours, links, clicks) = varied(store, 200).await;
    let zone = TimeZone::get("Asia/Kathmandu").unwrap();
    let (from, to) = (NOON.plus(-3_600_000), NOON.plus(7 * 3_600_000));
    let scope = read(store, ours).await;
    for filter in filters(links).into_iter().step_by(2) {
        for (bucket, end) in [(Bucket::Minute, NOON.plus(3_600_000)), (Bucket::Hour, to), (Bucket::Day, to)] {
            let spans = buckets(bucket, &zone, from, end).unwrap();
            for &dimension in Dimension::ALL {
                let request = BreakdownRequest::new(dimension, filter.clone(), 2);
                let top: Vec<DimensionValue> = scope.breakdown(&request).await.unwrap().rows.into_iter().map(|row| row.value).collect();
                let found = scope.split_series(&request, &spans, &top).await.unwrap();
                let chosen = filter.with_default_verdicts(dimension.default_verdicts());
                let matching: Vec<Click> = clicks.iter().filter(|click| chosen.matches(click)).cloned().collect();
                let wanted: Vec<Vec<u64>> =
                    top.iter().map(|value| points(&matching, &spans, |click| dimension.of(click) == *value)).collect();
                assert_eq!(found.values, wanted, "{dimension:?} {bucket:?} {filter:?}");
                let other = points(&matching, &spans, |click| !top.contains(&dimension.of(click)));
                assert_eq!(found.other, other, "{dimension:?} {bucket:?} {filter:?}");
                assert!(!found.capped);
            }
        }
    }
    // Hours of UTC are in cells, those of Kathmandu begin within them.
    for (zone, source) in [("UTC", Source::Rollup), ("Asia/Kathmandu", Source::Clicks)] {
        let spans = buckets(Bucket::Hour, &TimeZone::get(zone).unwrap(), from, to).unwrap();
        let request = BreakdownRequest::new(Dimension::Country, ClickFilter::default(), 2);
        assert_eq!(scope.split_series(&request, &spans, &[DimensionValue::Unknown]).await.unwrap().source, source, "{zone}");
    }
}

pub async fn groups_of_links_have_their_series(store: &Store) {
    let (ours, links, clicks) = varied(store, 150).await;
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    for (link, labels) in [
        (links[0], labels(&["sale", "x"], Some("f"), serde_json::json!({ "k": 1 }))),
        (links[1], labels(&["Sale"], None, serde_json::json!({}))),
    ] {
        let labels = LinkLabelsChange { tags: Some(labels.tags), folder: Some(labels.folder), metadata: Some(labels.metadata) };
        scope.update_link(link, LinkChange { labels, ..LinkChange::default() }, None, NOON).await.unwrap();
    }
    scope.commit().await.unwrap();
    let scope = read(store, ours).await;
    let text = |text: &str| DimensionValue::Text(text.into());
    let (first, second) = (links[0], links[1]);
    let none = DimensionValue::Unknown;
    for (dimension, key, values, places) in [
        (Dimension::Tag, None, vec![text("Sale"), text("x")], vec![vec![first, second], vec![first]]),
        (Dimension::Tag, None, vec![text("x")], vec![vec![first]]),
        (Dimension::Folder, None, vec![text("f"), none.clone()], vec![vec![first], vec![second]]),
        (Dimension::Domain, None, vec![text("go.example")], vec![vec![first, second]]),
        (Dimension::Metadata, Some("k"), vec![none], vec![vec![second]]),
        (Dimension::Link, None, vec![DimensionValue::Link(second)], vec![vec![second]]),
    ] {
        for filter in filters(links).into_iter().step_by(3) {
            for (bucket, end) in [(Bucket::Minute, NOON.plus(3_600_000)), (Bucket::Hour, NOON.plus(7 * 3_600_000))] {
                let spans = buckets(bucket, &TimeZone::UTC, NOON, end).unwrap();
                let request = BreakdownRequest {
                    key: key.map(str::to_owned),
                    shared_domain: "go.example".into(),
                    ..BreakdownRequest::new(dimension, filter.clone(), 2)
                };
                let found = scope.split_series(&request, &spans, &values).await.unwrap();
                let chosen = filter.with_default_verdicts(&[Verdict::Human]);
                let matching: Vec<Click> = clicks.iter().filter(|click| chosen.matches(click)).cloned().collect();
                let wanted: Vec<Vec<u64>> =
                    places.iter().map(|links| points(&matching, &spans, |click| links.contains(&click.link))).collect();
                assert_eq!(found.values, wanted, "{dimension:?} {filter:?}");
                let other = points(&matching, &spans, |click| !places.iter().any(|links| links.contains(&click.link)));
                assert_eq!(found.other, other, "{dimension:?} {filter:?}");
            }
        }
    }
}

/// The clicks of people in each point, after every click of them was found among the values or the others.
fn added_up(found: &SeriesBy) -> Vec<u64> {
    let points: Vec<u64> = found.series.points.iter().map(|point| point.counts.human).collect();
    let of_values = |index: usize| found.split.values.iter().map(|points| points[index]).sum::<u64>();
    let sums: Vec<u64> = found.split.other.iter().enumerate().map(|(index, other)| other + of_values(index)).collect();
    assert_eq!(sums, points, "{found:?}");
    points
}

pub async fn values_are_told_of_the_same_clicks_as_their_points(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await.id;
    let day = 24 * 3_600_000;
    let clicks: Vec<Click> = (0..60).map(|number| click(link, NOON.plus(number * day))).collect();
    ingest(store, ours, &clicks).await;
    let kept_from = NOON.plus(40 * day);
    store.keep_clicks_from(ours, kept_from).await.unwrap();
    while store.purge_clicks(ours, AuditId::new(NOON, Rng::System.entropy())).await.unwrap().more {}

    let desktop = ClickProperties { devices: vec![Device::Desktop], ..ClickProperties::default() };
    let ragged = ClickFilter { from: Some(NOON.plus(60_000)), ..ClickFilter::default() };
    let scope = read(store, ours).await;
    let (early, late) = ((vec![31, 29], NOON), (vec![0, 20], kept_from));
    for (dimension, key, filter, source, (wanted, data_from)) in [
        (Dimension::Network, None, ClickFilter::default(), Source::Clicks, late.clone()),
        (Dimension::Parameter, Some("n"), ClickFilter::default(), Source::Clicks, late.clone()),
        (Dimension::Browser, None, desktop.into(), Source::Clicks, late),
        (Dimension::Browser, None, ClickFilter::default(), Source::Rollup, early),
        // Of its first hour only the quarters are kept.
        (Dimension::Browser, None, ragged, Source::Rollup, (vec![30, 29], NOON.plus(3_600_000))),
    ] {
        let spans = buckets(Bucket::Month, &TimeZone::UTC, NOON, NOON.plus(60 * day)).unwrap();
        let request = BreakdownRequest { key: key.map(str::to_owned), ..BreakdownRequest::new(dimension, filter.clone(), 5) };
        let found = scope.series_by(&request, &spans).await.unwrap();
        assert_eq!(added_up(&found), wanted, "{dimension:?} {filter:?}");
        assert_eq!((found.source, found.data_from, found.values.len()), (source, data_from, 1), "{dimension:?} {filter:?}");
        assert_eq!(found.filter.from.unwrap_or(NOON), data_from);
    }
    // Of what lies before the clicks that are kept, nothing is told by a value that only clicks have.
    let gone = ClickFilter { to: Some(NOON.plus(10 * day)), ..ClickFilter::default() };
    let spans = buckets(Bucket::Day, &TimeZone::UTC, NOON, NOON.plus(10 * day)).unwrap();
    let found = scope.series_by(&BreakdownRequest::new(Dimension::Network, gone.clone(), 5), &spans).await.unwrap();
    assert_eq!((added_up(&found).iter().sum::<u64>(), found.data_from), (0, Millis(NOON.0 + 10 * day)));
    assert_eq!(
        scope.split_series(&BreakdownRequest::new(Dimension::Network, gone, 5), &spans, &[]).await.unwrap().data_from,
        found.data_from
    );
}
