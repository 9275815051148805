//! Series of values against the same clicks counted in memory.

use domain::{Bucket, BucketSpan, Click, ClickFilter, Dimension, DimensionValue, LinkChange, LinkLabelsChange, Verdict, buckets};
use jiff::tz::TimeZone;
use store::{Access, BreakdownRequest, Source, Store};

use crate::clicks::{filters, varied};
use crate::fixture::{NOON, read};
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
