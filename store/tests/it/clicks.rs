//! Lists, filters, totals and series.

use domain::{
    Bucket, Channel, Click, ClickFilter, ClickId, ClickProperties, ClickRule, Device, GeoPlace, LinkId, Outcome, Quarter, RuleId, Seq,
    Verdict, VerdictReason, WorkspaceId, buckets,
};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{PageRequest, RedirectMicros, Source, Store};

use crate::fixture::{NOON, click, ingest, link, read, workspace};

/// Clicks of two links over some hours, with different properties.
pub async fn varied(store: &Store, count: i64) -> (WorkspaceId, [LinkId; 2], Vec<Click>) {
    let ours = workspace(store, "ours").await;
    let links = [link(store, ours, "a").await.id, link(store, ours, "b").await.id];
    let rng = Rng::seeded(7);
    let pick = |bound: u64| usize::try_from(rng.below(bound)).unwrap();
    let text = |values: &[Option<&str>]| values[pick(values.len() as u64)].map(str::to_owned);
    let clicks: Vec<Click> = (0..count)
        .map(|_| {
            let at = NOON.plus(i64::try_from(rng.below(6 * 3_600_000)).unwrap());
            let mut click = click(links[pick(2)], at);
            click.verdict = Verdict::ALL[pick(4)];
            click.device = Device::ALL[pick(6)];
            click.place = GeoPlace {
                country: text(&[Some("DE"), Some("US"), None]),
                region: text(&[Some("DE-BE"), None]),
                city: text(&[None, Some("O'Fallon")]),
                ..GeoPlace::default()
            };
            click.browser = text(&[Some("Firefox"), Some("Chrome"), None]);
            click.referrer_host = text(&[Some("example.com"), None]);
            click.utm.campaign = text(&[Some("100% %_"), Some("spring"), None]);
            click.verdict_reason = VerdictReason::ALL[pick(5)];
            click.os = text(&[Some("iOS"), Some("Örebro OS"), Some("Zorin"), Some("android")]);
            click.language = text(&[Some("de"), None]);
            click.utm.term = text(&[Some("a"), Some("B"), Some("ä"), None]);
            click.network = text(&[Some("203.0.113.0/24"), Some("2001:db8::/48")]);
            let (id, variant) = (pick(3) as u8, text(&[Some("A"), Some("B"), None]));
            click.rule = (id > 0).then(|| ClickRule { id: RuleId::new(NOON, [id; 10]), name: "Rule".into(), variant });
            click.channel = [None, Some(Channel::Email), Some(Channel::Search)][pick(3)];
            click.visitor = text(&[None, Some("v0"), Some("v1")]).map(|key| domain::VisitorKey { key, recipe: 1 });
            click.redirect_micros = u32::try_from(20 + rng.below(60)).unwrap();
            click
        })
        .collect();
    for part in clicks.chunks(90) {
        ingest(store, ours, part).await;
    }
    (ours, links, clicks)
}

pub async fn pages_of_both_orders_meet_everything_once(store: &Store) {
    let (ours, _, clicks) = varied(store, 75).await;
    let scope = read(store, ours).await;
    let mut by_time: Vec<ClickId> = clicks.iter().map(|click| click.id).collect();
    by_time.sort_unstable_by(|a, b| b.cmp(a));
    let (mut met, mut after) = (Vec::new(), None);
    loop {
        let page = scope.clicks_by_time(&ClickFilter::default(), &PageRequest { after, ..PageRequest::first(20) }).await.unwrap();
        met.extend(page.clicks.iter().map(|click| click.id));
        after = met.last().copied();
        if !page.has_next {
            break;
        }
    }
    assert_eq!(met, by_time);
    let last = PageRequest { limit: 10, after: None, before: None, backwards: true };
    let page = scope.clicks_by_storage(&ClickFilter::default(), &last).await.unwrap();
    let seqs: Vec<Seq> = page.clicks.iter().map(|click| click.seq).collect();
    assert_eq!(seqs, (66..=75).collect::<Vec<_>>());
    assert!(page.has_previous && !page.has_next);
    assert_eq!(scope.click(met[0]).await.unwrap().id, met[0]);
}

pub fn filters(links: [LinkId; 2]) -> Vec<ClickFilter> {
    let of = |include| ClickFilter { include, ..ClickFilter::default() };
    let all = ClickProperties::default;
    let between = |from: i64, to: i64, include| ClickFilter { from: Some(NOON.plus(from)), to: Some(NOON.plus(to)), ..of(include) };
    let but = |include, exclude| ClickFilter { exclude, ..of(include) };
    let text = |values: &[Option<&str>]| values.iter().map(|value| value.map(str::to_owned)).collect::<Vec<_>>();
    vec![
        of(all()),
        of(ClickProperties { links: vec![links[0]], ..all() }),
        of(ClickProperties { links: links.to_vec(), verdicts: vec![Verdict::Bot], ..all() }),
        of(ClickProperties { countries: text(&[None]), ..all() }),
        of(ClickProperties { countries: text(&[Some("DE"), None]), browsers: text(&[Some("Firefox")]), ..all() }),
        of(ClickProperties { cities: text(&[Some("O'Fallon")]), devices: vec![Device::Mobile, Device::Tv], ..all() }),
        of(ClickProperties { utm_campaigns: text(&[Some("100% %_")]), referrers: text(&[None]), ..all() }),
        between(3_600_000, 7_200_000, all()),
        between(1_234_567, 12_345_678, ClickProperties { links: vec![links[1]], ..all() }),
        between(60_000, 120_000, all()),
        ClickFilter { to: Some(NOON), ..of(all()) },
        of(ClickProperties { rules: vec![None, Some(RuleId::new(NOON, [2; 10]).to_string())], ..all() }),
        of(ClickProperties { variants: text(&[Some("B")]), ..all() }),
        of(ClickProperties { channels: vec![Some(Channel::Email), None], ..all() }),
        of(ClickProperties { channels: vec![Some(Channel::Search)], networks: text(&[Some("2001:db8::/48"), None]), ..all() }),
        of(ClickProperties { visitors: text(&[Some("v1")]), ..all() }),
        of(ClickProperties { visitors: text(&[None, Some("v0")]), ..all() }),
        but(all(), ClickProperties { links: vec![links[0]], ..all() }),
        but(ClickProperties { links: vec![links[0]], ..all() }, ClickProperties { verdicts: vec![Verdict::Bot], ..all() }),
        but(all(), ClickProperties { countries: text(&[Some("DE")]), channels: vec![None], ..all() }),
    ]
}

pub async fn filters_mean_the_same_in_sql_and_in_memory(store: &Store) {
    let (ours, links, clicks) = varied(store, 300).await;
    let scope = read(store, ours).await;
    for filter in filters(links) {
        let page = scope.clicks_by_time(&filter, &PageRequest::first(1_000)).await.unwrap();
        let mut found: Vec<ClickId> = page.clicks.iter().map(|click| click.id).collect();
        let mut wanted: Vec<ClickId> = clicks.iter().filter(|click| filter.matches(click)).map(|click| click.id).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{filter:?}");
    }
}

pub async fn counts_are_those_of_the_clicks(store: &Store) {
    let (ours, links, clicks) = varied(store, 400).await;
    let scope = read(store, ours).await;
    for filter in filters(links) {
        let any_verdict = filter.of_any_verdict();
        let count = |verdict| clicks.iter().filter(|click| click.verdict == verdict && any_verdict.matches(click)).count() as u64;
        let totals = scope.totals(&filter).await.unwrap();
        let counts = totals.tally.counts;
        let found = [counts.human, counts.suspected, counts.bot, counts.internal];
        assert_eq!(found, [Verdict::Human, Verdict::Suspected, Verdict::Bot, Verdict::Internal].map(count), "{filter:?}");
        assert_eq!(totals.head, 400);
    }
    let whole = scope.totals(&ClickFilter { from: Some(NOON.plus(1)), ..ClickFilter::default() }).await.unwrap();
    assert_eq!(whole.source, Source::Rollup);
    assert_eq!(scope.totals(&filters(links)[3]).await.unwrap().source, Source::Rollup);
    assert_eq!(scope.totals(&filters(links)[4]).await.unwrap().source, Source::Clicks);
}

pub async fn series_sum_up_to_totals(store: &Store) {
    let (ours, links, clicks) = varied(store, 300).await;
    let scope = read(store, ours).await;
    for zone in ["UTC", "Asia/Kathmandu"] {
        let zone = TimeZone::get(zone).unwrap();
        for bucket in [Bucket::Minute, Bucket::Hour, Bucket::Day] {
            for filter in filters(links) {
                let (from, to) = (filter.from.unwrap_or(NOON), filter.to.unwrap_or(NOON.plus(7 * 3_600_000)));
                let spans = buckets(bucket, &zone, from, to.max(from.plus(1))).unwrap();
                let series = scope.series(&filter, &spans).await.unwrap();
                assert_eq!(series.points.len(), spans.len());
                assert!(bucket != Bucket::Minute || series.source == Source::Clicks);
                let micros = scope.redirect_micros_in(&filter, &spans).await.unwrap();
                assert_eq!(micros.len(), spans.len());
                for ((span, tally), micros) in spans.iter().zip(&series.points).zip(micros) {
                    let here = ClickFilter { from: filter.from.max(Some(span.start)), ..filter.clone() };
                    let here = ClickFilter { to: Some(filter.to.unwrap_or(span.end).min(span.end)), ..here };
                    let people = ClickFilter {
                        include: ClickProperties { verdicts: vec![Verdict::Human], ..here.include.clone() },
                        ..here.of_any_verdict()
                    };
                    let wanted = clicks.iter().filter(|click| people.matches(click));
                    assert_eq!(tally.counts.human, wanted.count() as u64, "{filter:?} {span:?}");
                    let exact = percentiles(&clicks, &here);
                    assert!(are_near(micros, exact), "{micros:?} {exact:?} {filter:?} {span:?}");
                }
            }
        }
    }
    assert!(Quarter::is_edge(NOON));
}

/// Whether percentiles are told as near as a histogram does.
fn are_near(told: Option<RedirectMicros>, exact: Option<RedirectMicros>) -> bool {
    let near = |told: u32, exact: u32| f64::from(told.abs_diff(exact)) <= 0.063 * f64::from(exact);
    match (told, exact) {
        (Some(told), Some(exact)) => near(told.p50, exact.p50) && near(told.p95, exact.p95) && near(told.p99, exact.p99),
        (told, exact) => told == exact,
    }
}

/// By the nearest rank, from all the clicks in order.
fn percentiles(clicks: &[Click], filter: &ClickFilter) -> Option<RedirectMicros> {
    let filter = filter.with_default_verdicts(&[Verdict::Human]);
    let mut micros: Vec<u32> = clicks.iter().filter(|click| filter.matches(click)).map(|click| click.redirect_micros).collect();
    micros.sort_unstable();
    let nearest = |percent: usize| micros[(micros.len() * percent).div_ceil(100) - 1];
    (!micros.is_empty()).then(|| RedirectMicros { p50: nearest(50), p95: nearest(95), p99: nearest(99) })
}

pub async fn percentiles_are_those_of_the_counted_clicks(store: &Store) {
    let (ours, links, clicks) = varied(store, 300).await;
    let mut expired = click(links[0], NOON);
    (expired.outcome, expired.redirect_micros) = (Outcome::Expired, 1_000_000);
    ingest(store, ours, &[expired]).await;
    let scope = read(store, ours).await;
    for filter in filters(links) {
        let (told, exact) = (scope.redirect_micros(&filter).await.unwrap(), percentiles(&clicks, &filter));
        assert!(are_near(told, exact), "{told:?} {exact:?} {filter:?}");
    }
    assert_eq!(scope.redirect_micros(&ClickFilter { to: Some(NOON), ..ClickFilter::default() }).await.unwrap(), None);
    let theirs = workspace(store, "theirs").await;
    assert_eq!(read(store, theirs).await.redirect_micros(&ClickFilter::default()).await.unwrap(), None);
}
