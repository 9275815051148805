//! Visitors told apart by day: firsts, what moves them, and their end.

use std::collections::{BTreeMap, HashSet};

use domain::{
    BucketSpan, Click, ClickFilter, ClickProperties, DaySalt, LinkId, LocalDay, Millis, Outcome, Quarter, Verdict, VerdictReason,
    VisitorKey, WorkspaceId,
};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{Incoming, IngestReport, Rejudged, Salt, Store, Tally};

use crate::fixture::{NOON, click, incoming, link, read, workspace};

const HOUR: i64 = 3_600_000;
/// New York puts its clocks forward within this day: it has 23 hours, from 05:00 to 04:00 of UTC.
pub const SHORT_DAY: &str = "2026-03-08T05:00:00Z";

pub fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn by(visitor: u64, click: Click) -> Click {
    Click { visitor: Some(VisitorKey { key: format!("{visitor:032x}"), recipe: 1 }), ..click }
}

/// Stores clicks on the days of `zone` that they are of.
async fn ingest(store: &Store, workspace: WorkspaceId, zone: &TimeZone, clicks: &[Click]) -> IngestReport {
    let on_its_day = |click: &Click| Incoming { day: Some(LocalDay::of(click.occurred_at(), zone)), ..incoming(workspace, click.clone()) };
    store.ingest(&clicks.iter().map(on_its_day).collect::<Vec<_>>(), NOON).await.unwrap()
}

fn of_links(links: &[LinkId]) -> ClickFilter {
    ClickProperties { links: links.to_vec(), ..ClickProperties::default() }.into()
}

async fn tally(store: &Store, workspace: WorkspaceId, filter: &ClickFilter) -> Tally {
    read(store, workspace).await.totals(filter).await.unwrap().tally
}

async fn uniques(store: &Store, workspace: WorkspaceId, links: &[LinkId]) -> Option<u64> {
    tally(store, workspace, &of_links(links)).await.daily_uniques(Verdict::ALL)
}

pub async fn a_visitor_counts_once_a_day_for_a_link_and_for_the_workspace(store: &Store) {
    let ours = workspace(store, "ours").await;
    let [a, b] = [link(store, ours, "a").await.id, link(store, ours, "b").await.id];
    let batch: Vec<Click> = [a, a, b, a, b].into_iter().map(|link| by(1, click(link, NOON))).chain([by(2, click(b, NOON))]).collect();
    ingest(store, ours, &TimeZone::UTC, &batch).await;
    // Again, and with one that is new, of a visitor who is not, in a quarter of its own.
    let later = by(2, click(b, NOON.plus(HOUR)));
    let again: Vec<Click> = batch.iter().cloned().chain([later]).collect();
    assert_eq!(ingest(store, ours, &TimeZone::UTC, &again).await.duplicates, 6);
    let counted = [uniques(store, ours, &[]).await, uniques(store, ours, &[a]).await, uniques(store, ours, &[b]).await];
    assert_eq!(counted, [Some(2), Some(1), Some(2)]);
    assert_eq!(uniques(store, ours, &[a, b]).await, None);
    let of_one_country: ClickFilter = ClickProperties { countries: vec![Some("DE".into())], ..ClickProperties::default() }.into();
    assert_eq!(tally(store, ours, &of_one_country).await.daily_uniques(&[Verdict::Human]), None);
    let by_link = read(store, ours).await.daily_uniques_of(&ClickFilter::default(), vec![a, b]).await.unwrap();
    assert_eq!(by_link, [(a, 1), (b, 2)].into());
    // In another workspace the same key is another visitor.
    let theirs = workspace(store, "theirs").await;
    let c = link(store, theirs, "c").await.id;
    ingest(store, theirs, &TimeZone::UTC, &[by(1, click(c, NOON))]).await;
    assert_eq!((uniques(store, theirs, &[]).await, uniques(store, ours, &[]).await), (Some(1), Some(2)));
}

pub async fn only_what_was_sent_on_makes_a_visitor(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let of = |outcome, verdict| by(1, Click { outcome, verdict, ..click(a, NOON) });
    let previewed = ingest(store, ours, &TimeZone::UTC, &[of(Outcome::Preview, Verdict::Human)]).await;
    assert_eq!((previewed.stored.len(), uniques(store, ours, &[]).await), (1, Some(0)));
    // The first one is the bot's; the person is not another visitor.
    ingest(store, ours, &TimeZone::UTC, &[of(Outcome::Redirected, Verdict::Bot), of(Outcome::Fallback, Verdict::Human)]).await;
    let tally = tally(store, ours, &ClickFilter::default()).await;
    assert_eq!((tally.daily_uniques(&[Verdict::Human]), tally.daily_uniques(&[Verdict::Bot])), (Some(0), Some(1)));
    assert_eq!(tally.daily_uniques(&[Verdict::Internal]), Some(0));
    assert_eq!(tally.without_visitor(Verdict::ALL), 0);
}

pub async fn days_end_at_the_zones_midnight(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let start = Millis::from_timestamp(SHORT_DAY.parse().unwrap());
    // The last moment before, the first, the last of 23 hours, and the first after.
    let at = [start.plus(-1), start, start.plus(23 * HOUR - 1), start.plus(23 * HOUR)];
    ingest(store, ours, &new_york(), &at.map(|at| by(1, click(a, at)))).await;
    let spans = [-24, 0, 23, 47].map(|hours| start.plus(hours * HOUR));
    let spans: Vec<BucketSpan> = spans.windows(2).map(|edges| BucketSpan { start: edges[0], end: edges[1] }).collect();
    let series = read(store, ours).await.series(&ClickFilter::default(), &spans).await.unwrap();
    assert_eq!(series.points.iter().map(|point| point.daily_uniques(&[Verdict::Human])).collect::<Vec<_>>(), [Some(1), Some(1), Some(1)]);
    // A range that begins within a day has the visitors whose first click is within it.
    let from_the_second = ClickFilter { from: Some(start.plus(1)), to: Some(start.plus(23 * HOUR + 1)), ..ClickFilter::default() };
    assert_eq!(tally(store, ours, &from_the_second).await.daily_uniques(&[Verdict::Human]), Some(1));
}

pub async fn a_click_without_its_day_is_of_nobody(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    // Its salt is gone, or it has no visitor at all.
    store.ingest(&[incoming(ours, by(1, click(a, NOON)))], NOON).await.unwrap();
    assert_eq!(uniques(store, ours, &[]).await, None);
    ingest(store, ours, &TimeZone::UTC, &[click(a, NOON), by(2, click(a, NOON))]).await;
    let ragged = ClickFilter { to: Some(NOON.plus(1)), ..ClickFilter::default() };
    for filter in [ClickFilter::default(), of_links(&[a]), ragged] {
        let tally = tally(store, ours, &filter).await;
        assert_eq!(
            (tally.counts.human, tally.daily_uniques(&[Verdict::Human]), tally.without_visitor(&[Verdict::Human])),
            (3, Some(1), 2),
            "{filter:?}"
        );
    }
}

/// What a plain count of the clicks in memory says, in the order they were stored: firsts, where any click
/// has a visitor, and clicks without.
fn plain(clicks: &[Click], zone: &TimeZone, filter: &ClickFilter) -> (Option<u64>, u64) {
    let (mut all, mut met, mut firsts, mut without) = (0, HashSet::new(), 0, 0);
    for click in clicks.iter().filter(|click| click.outcome.is_counted()) {
        let day = LocalDay::of(click.occurred_at(), zone);
        let link = filter.include.links.first().copied();
        let of_link = link.is_none_or(|link| link == click.link);
        let first = of_link && click.visitor.as_ref().is_some_and(|visitor| met.insert((day, visitor.key.clone())));
        if filter.matches(click) {
            all += 1;
            firsts += u64::from(first);
            without += u64::from(click.visitor.is_none());
        }
    }
    ((all == 0 || without < all).then_some(firsts), without)
}

pub async fn firsts_are_those_of_a_plain_count(store: &Store) {
    let zone = new_york();
    let start = Millis::from_timestamp(SHORT_DAY.parse().unwrap());
    for seed in 0..6 {
        let ours = workspace(store, &format!("ours-{seed}")).await;
        let links = [link(store, ours, &format!("a{seed}")).await.id, link(store, ours, &format!("b{seed}")).await.id];
        let rng = Rng::seeded(seed);
        let pick = |bound: u64| usize::try_from(rng.below(bound)).unwrap();
        let (mut clicks, mut stored): (Vec<Click>, Vec<Click>) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            let at = start.plus(i64::try_from(rng.below(72 * 3_600_000)).unwrap() - 24 * HOUR);
            let outcome = if pick(9) == 0 { Outcome::Disabled } else { Outcome::Redirected };
            let one = Click { verdict: Verdict::ALL[pick(4)], outcome, ..click(links[pick(2)], at) };
            clicks.push(if pick(5) == 0 { one } else { by(rng.below(12), one) });
        }
        // In batches of any size, some of them given twice, some clicks twice in one.
        let mut rest = clicks.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(rest.len().min(1 + pick(60)));
            let mut batch = batch.to_vec();
            batch.extend(stored.get(pick(40)).cloned());
            batch.push(batch[pick(batch.len() as u64)].clone());
            for _ in 0..=pick(2) {
                let report = ingest(store, ours, &zone, &batch).await;
                stored.extend(report.stored.into_iter().flat_map(|ingested| ingested.clicks));
            }
            rest = after;
        }
        assert_eq!(stored.len(), clicks.len());
        compare(store, ours, &zone, links, &stored).await;
        // Some are judged again: firsts go along, and nothing else changes.
        let judged: BTreeMap<_, _> = (0..90).map(|_| (stored[pick(300)].id, Verdict::ALL[pick(4)])).collect();
        let rejudged = |(click, verdict): (&_, &_)| Rejudged {
            click: *click,
            verdict: *verdict,
            reason: VerdictReason::Rate,
            rules_version: 7,
            derived: None,
        };
        let asked: Vec<Rejudged> = judged.iter().map(rejudged).collect();
        for _ in 0..2 {
            assert_eq!(store.rejudge(ours, &asked).await.unwrap(), judged.len() as u64);
        }
        stored.iter_mut().for_each(|click| click.verdict = judged.get(&click.id).copied().unwrap_or(click.verdict));
        compare(store, ours, &zone, links, &stored).await;
        let one = read(store, ours).await.click(asked[0].click).await.unwrap();
        assert_eq!((one.verdict, one.verdict_reason, one.rules_version), (asked[0].verdict, VerdictReason::Rate, 7));
    }
}

pub async fn compare(store: &Store, workspace: WorkspaceId, zone: &TimeZone, links: [LinkId; 2], stored: &[Click]) {
    let start = Millis::from_timestamp(SHORT_DAY.parse().unwrap());
    let scope = read(store, workspace).await;
    for chosen in [vec![], vec![links[0]], vec![links[1]]] {
        for (from, to) in
            [(None, None), (Some(start), Some(start.plus(23 * HOUR))), (Some(start.plus(7 * HOUR + 1)), Some(start.plus(33 * HOUR - 1)))]
        {
            for verdict in Verdict::ALL {
                let include = ClickProperties { verdicts: vec![*verdict], links: chosen.clone(), ..ClickProperties::default() };
                let filter = ClickFilter { from, to, ..include.into() };
                let tally = scope.totals(&filter).await.unwrap().tally;
                let found = (tally.daily_uniques(&[*verdict]), tally.without_visitor(&[*verdict]));
                assert_eq!(found, plain(stored, zone, &filter), "{filter:?}");
                let by_link = scope.daily_uniques_of(&filter, links.to_vec()).await.unwrap();
                for link in links {
                    let wanted = plain(
                        stored,
                        zone,
                        &ClickFilter { include: ClickProperties { links: vec![link], ..filter.include.clone() }, ..filter.clone() },
                    )
                    .0;
                    assert_eq!(by_link.get(&link).copied().unwrap_or(0), wanted.unwrap_or(0), "{filter:?}");
                }
            }
        }
    }
    assert!(Quarter::is_edge(start));
}

fn salt(day: LocalDay, byte: u8, used_until: Millis) -> Salt {
    Salt { day, salt: DaySalt([byte; 32]), used_until }
}

pub async fn visitors_over_days_are_those_who_consented(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b, c) = (link(store, ours, "a").await.id, link(store, ours, "b").await.id, link(store, theirs, "c").await.id);
    let by = |key: &str, recipe, click| Click { visitor: Some(VisitorKey { key: key.into(), recipe }), ..click };
    let unique = async |workspace, filter: ClickFilter| read(store, workspace).await.unique_visitors(&filter).await.unwrap();
    const DAY: i64 = 24 * 3_600_000;
    ingest(store, ours, &TimeZone::UTC, &[by("day", 1, click(a, NOON)), click(a, NOON)]).await;
    assert_eq!(unique(ours, ClickFilter::default()).await, None);
    let clicks = [
        by("one", 2, click(a, NOON.plus(1))),
        by("one", 2, click(b, NOON.plus(2 * DAY))),
        by("two", 2, click(b, NOON.plus(DAY))),
        Click { verdict: Verdict::Bot, ..by("machine", 2, click(a, NOON)) },
        Click { outcome: Outcome::Disabled, ..by("closed", 2, click(a, NOON)) },
    ];
    ingest(store, ours, &TimeZone::UTC, &clicks).await;
    ingest(store, theirs, &TimeZone::UTC, &[by("one", 2, click(c, NOON)), by("three", 2, click(c, NOON))]).await;
    let of = |links: &[LinkId], verdicts: &[Verdict]| {
        ClickProperties { links: links.to_vec(), verdicts: verdicts.to_vec(), ..ClickProperties::default() }.into()
    };
    assert_eq!(unique(ours, of(&[], &[])).await, Some(2));
    assert_eq!((unique(ours, of(&[a], &[])).await, unique(ours, of(&[a, b], Verdict::ALL)).await), (Some(1), Some(3)));
    let from = |at: i64| ClickFilter { from: Some(NOON.plus(at)), ..ClickFilter::default() };
    assert_eq!(
        (unique(ours, from(DAY)).await, unique(ours, from(2 * DAY)).await, unique(ours, from(3 * DAY)).await),
        (Some(2), Some(1), None)
    );
    // What is left of a range is no answer for it.
    store.keep_clicks_from(ours, NOON.plus(DAY)).await.unwrap();
    assert_eq!((unique(ours, of(&[], &[])).await, unique(ours, from(DAY)).await), (None, Some(2)));
    assert_eq!(unique(theirs, of(&[], &[])).await, Some(2));
}

pub async fn a_days_salt_is_made_once_and_ends(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b) = (link(store, ours, "a").await.id, link(store, theirs, "b").await.id);
    let today = LocalDay::of(NOON, &TimeZone::UTC);
    let until = today.used_until(&TimeZone::UTC, NOON).unwrap();
    let made = salt(today, 1, until);
    assert_eq!(store.day_salt(ours, made, NOON).await.unwrap(), Some(made));
    assert_eq!(store.day_salt(ours, salt(today, 2, until), NOON).await.unwrap(), Some(made));
    let tomorrow = salt(LocalDay(today.0 + 1), 3, until.plus(24 * HOUR));
    assert_eq!(store.day_salt(ours, tomorrow, NOON).await.unwrap(), Some(tomorrow));
    assert_eq!(store.day_salt(theirs, salt(today, 4, until), NOON).await.unwrap(), Some(salt(today, 4, until)));
    // More rows than one step forgets.
    let many: Vec<Click> = (0..5_200).map(|visitor| by(visitor, click(a, NOON))).collect();
    ingest(store, ours, &TimeZone::UTC, &many).await;
    ingest(store, ours, &TimeZone::UTC, &[by(1, click(a, NOON.plus(24 * HOUR)))]).await;
    ingest(store, theirs, &TimeZone::UTC, &[by(1, click(b, NOON))]).await;

    let end = today.start(&TimeZone::UTC).unwrap().plus(LocalDay::KEPT);
    assert_eq!(store.destroy_salts(end.plus(-1)).await.unwrap(), store::Destroyed::default());
    let first = store.destroy_salts(end).await.unwrap();
    assert_eq!((first.salts, first.visitors, first.more), (2, 5_000, true));
    // What is being forgotten has no salt any more, nor gets another.
    assert_eq!(store.day_salt(ours, salt(today, 5, until), end).await.unwrap().filter(|salt| salt.salt == made.salt), None);
    let second = store.destroy_salts(end).await.unwrap();
    assert_eq!((second.salts, second.visitors, second.more), (0, 201, false));
    assert!(store.wipe_salts().await.unwrap());
    assert_eq!(store.day_salt(ours, salt(tomorrow.day, 6, until), end).await.unwrap(), Some(tomorrow));
    // The counts stay.
    assert_eq!(uniques(store, ours, &[a]).await, Some(5_201));
    let after = store.destroy_salts(end.plus(24 * HOUR)).await.unwrap();
    assert_eq!((after.salts, after.visitors, after.more), (1, 1, false));
    assert_eq!(store.destroy_salts(end.plus(96 * HOUR)).await.unwrap(), store::Destroyed::default());
}

pub async fn salts_that_live_are_told(store: &Store) {
    let ours = workspace(store, "ours").await;
    let salt = |day, used_until| Salt { day: LocalDay(day), salt: DaySalt([7; 32]), used_until };
    for made in [salt(2, NOON.plus(HOUR)), salt(1, NOON)] {
        store.day_salt(ours, made, NOON.plus(-HOUR)).await.unwrap();
    }
    assert_eq!(store.living_salts(ours, NOON).await.unwrap(), [salt(2, NOON.plus(HOUR))]);
    assert_eq!(store.living_salts(workspace(store, "theirs").await, NOON).await.unwrap(), []);
}
