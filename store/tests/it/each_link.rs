//! What several links have counted each by itself.

use domain::{Bucket, BucketSpan, ClickFilter, ClickProperties, buckets};
use jiff::tz::TimeZone;
use store::{Counts, Store};

use crate::clicks::varied;
use crate::fixture::{NOON, link, read, workspace};

pub async fn links_have_the_series_that_each_has_alone(store: &Store) {
    let (ours, links, clicks) = varied(store, 300).await;
    let idle = link(store, ours, "idle").await.id;
    let foreign = workspace(store, "theirs").await;
    let foreign = link(store, foreign, "theirs").await.id;
    let scope = read(store, ours).await;
    let all = vec![links[0], links[1], idle, foreign];
    for zone in ["UTC", "Asia/Kathmandu"] {
        let zone = TimeZone::get(zone).unwrap();
        for bucket in [Bucket::Minute, Bucket::Hour, Bucket::Day] {
            let spans = buckets(bucket, &zone, NOON.plus(90_000), NOON.plus(5 * 3_600_000)).unwrap();
            let mut found = scope.series_of_links(all.clone(), &spans).await.unwrap();
            for link in links {
                let alone = ClickFilter::from(ClickProperties { links: vec![link], ..ClickProperties::default() });
                let alone = scope.series(&alone, &spans).await.unwrap();
                let alone: Vec<Counts> = alone.points.iter().map(|tally| tally.counts).collect();
                assert_eq!(found.remove(&link), Some(alone), "{bucket:?}");
            }
            assert!(found.is_empty(), "links without clicks, or another workspace's");
        }
    }
    // Ragged ends, of which no cell is a whole piece.
    let ragged = BucketSpan { start: NOON.plus(60_000), end: NOON.plus(7_260_000) };
    let found = scope.series_of_links(all, &[ragged]).await.unwrap();
    for link in links {
        let within = |click: &&domain::Click| (ragged.start..ragged.end).contains(&click.occurred_at()) && click.link == link;
        let wanted = clicks.iter().filter(within).count() as u64;
        assert_eq!(found[&link][0].of(domain::Verdict::ALL), wanted);
    }
    assert!(scope.series_of_links(Vec::new(), &[ragged]).await.unwrap().is_empty());
    assert!(scope.series_of_links(links.to_vec(), &[]).await.unwrap().is_empty());
}
