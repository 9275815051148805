//! Visitors of several links together, estimated from sketches, beside a plain count.

use std::collections::{HashMap, HashSet};

use domain::{
    BucketSpan, Click, ClickFilter, ClickProperties, ErasureId, LinkId, LocalDay, Millis, Quarter, Verdict, VerdictReason, VisitorKey,
    WorkspaceId,
};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{FreshSalt, Incoming, NewErasure, Piece, Rejudged, Store, Subject};

use crate::fixture::{Database, NOON, account, click, incoming, link, read, workspace};
use crate::visitors::{SHORT_DAY, new_york};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn by(visitor: u64, click: Click) -> Click {
    Click { visitor: Some(VisitorKey { key: format!("{visitor:032x}"), recipe: 1 }), ..click }
}

async fn ingest(store: &Store, workspace: WorkspaceId, zone: &TimeZone, clicks: &[Click]) {
    let on_its_day = |click: &Click| Incoming { day: Some(LocalDay::of(click.occurred_at(), zone)), ..incoming(workspace, click.clone()) };
    store.ingest(&clicks.iter().map(on_its_day).collect::<Vec<_>>(), NOON).await.unwrap();
}

/// Clicks as they are stored, oldest storage first.
async fn stored(store: &Store, workspace: WorkspaceId) -> Vec<Click> {
    read(store, workspace).await.clicks_by_storage(&ClickFilter::default(), &store::PageRequest::first(10_000)).await.unwrap().clicks
}

async fn judge(store: &Store, workspace: WorkspaceId, clicks: impl Iterator<Item = (domain::ClickId, Verdict)>) {
    let judged = clicks.map(|(click, verdict)| Rejudged { click, verdict, reason: VerdictReason::Rate, rules_version: 7, derived: None });
    store.rejudge(workspace, &judged.collect::<Vec<_>>()).await.unwrap();
}

async fn erase(store: &Store, workspace: WorkspaceId, subject: Subject, (from, before): (Millis, Millis)) {
    let erasure = NewErasure { id: ErasureId::new(NOON, Rng::System.entropy()), subject, from, before };
    store.begin_erasures(workspace, std::slice::from_ref(&erasure), FreshSalt([1; 32]), NOON).await.unwrap();
    while store.erase_step(workspace, erasure.id, FreshSalt([1; 32]), NOON).await.unwrap().more {}
}

/// Of each day that begins in the range, the visitors whose first click there on one of the links is of these verdicts.
fn plain(clicks: &[Click], zone: &TimeZone, links: &[LinkId], verdicts: &[Verdict], range: (Millis, Millis)) -> u64 {
    let mut firsts: HashMap<(LocalDay, &str, LinkId), Verdict> = HashMap::new();
    for click in clicks.iter().filter(|click| click.outcome.is_counted()) {
        let Some(visitor) = &click.visitor else { continue };
        firsts.entry((LocalDay::of(click.occurred_at(), zone), &visitor.key, click.link)).or_insert(click.verdict);
    }
    let within = |day: &LocalDay| day.start(zone).is_some_and(|start| range.0 <= start && start < range.1);
    let counted = firsts.iter().filter(|((day, _, link), verdict)| links.contains(link) && verdicts.contains(verdict) && within(day));
    counted.map(|((day, visitor, _), _)| (day, visitor)).collect::<HashSet<_>>().len() as u64
}

fn of(links: &[LinkId], verdicts: &[Verdict]) -> ClickFilter {
    ClickProperties { links: links.to_vec(), verdicts: verdicts.to_vec(), ..ClickProperties::default() }.into()
}

async fn verify(store: &Store, workspace: WorkspaceId) -> store::Verified {
    let scope = read(store, workspace).await;
    let (first, last) = (scope.first_kept().await.unwrap().unwrap(), scope.last_counted().await.unwrap().unwrap());
    scope.verify_cells(Quarter::of(first.plus(-2 * DAY)), Quarter(last.0 + 200)).await.unwrap()
}

async fn compare(store: &Store, ours: WorkspaceId, links: [LinkId; 3]) {
    let (zone, start) = (new_york(), Millis::from_timestamp(SHORT_DAY.parse().unwrap()));
    let clicks = stored(store, ours).await;
    let scope = read(store, ours).await;
    let [a, b, c] = links;
    // The day in between has 23 hours.
    let edges = [start.plus(-DAY), start, start.plus(23 * HOUR), start.plus(47 * HOUR)];
    let all = (Millis(0), Millis::MAX);
    for chosen in [vec![a, b], vec![b, c], vec![a, b, c]] {
        for verdicts in [vec![], vec![Verdict::Bot], Verdict::ALL.to_vec()] {
            let counted = if verdicts.is_empty() { vec![Verdict::Human] } else { verdicts.clone() };
            let filter = of(&chosen, &verdicts);
            assert_eq!(scope.estimated_uniques(&filter).await.unwrap(), Some(plain(&clicks, &zone, &chosen, &counted, all)), "{filter:?}");
            for range in [(edges[0], edges[2]), (edges[1], edges[2]), (edges[1], edges[3].plus(HOUR))] {
                let filter = ClickFilter { from: Some(range.0), to: Some(range.1), ..filter.clone() };
                assert_eq!(
                    scope.estimated_uniques(&filter).await.unwrap(),
                    Some(plain(&clicks, &zone, &chosen, &counted, range)),
                    "{filter:?}"
                );
            }
            let spans: Vec<BucketSpan> = edges.windows(2).map(|edges| BucketSpan { start: edges[0], end: edges[1] }).collect();
            let days: Vec<_> = spans.iter().map(|day| Some(plain(&clicks, &zone, &chosen, &counted, (day.start, day.end)))).collect();
            assert_eq!(scope.estimated_uniques_in(&filter, &spans).await.unwrap(), days);
        }
        // Days that are cut between clicks are not known; the others of the range are.
        let cut = |from, to| ClickFilter { from: Some(from), to: Some(to), ..of(&chosen, &[]) };
        let noon = start.plus(12 * HOUR);
        for filter in [cut(noon, edges[3]), cut(edges[0], noon)] {
            assert_eq!(scope.estimated_uniques(&filter).await.unwrap(), None);
        }
        let halves = [(edges[0], edges[1]), (edges[1], noon)].map(|(start, end)| BucketSpan { start, end });
        let first = plain(&clicks, &zone, &chosen, &[Verdict::Human], (edges[0], edges[1]));
        assert_eq!(scope.estimated_uniques_in(&of(&chosen, &[]), &halves).await.unwrap(), [Some(first), None]);
    }
    let exclude = ClickProperties { links: vec![a], ..ClickProperties::default() };
    let others = ClickFilter { exclude, ..ClickFilter::default() };
    assert_eq!(scope.estimated_uniques(&others).await.unwrap(), Some(plain(&clicks, &zone, &[b, c], &[Verdict::Human], all)));
    let verified = verify(store, ours).await;
    assert!(verified.differences.is_empty(), "{verified:?}");
}

pub async fn links_together_are_those_of_a_plain_count(store: &Store) {
    let (zone, start) = (new_york(), Millis::from_timestamp(SHORT_DAY.parse().unwrap()));
    for seed in 0..3 {
        let mut new = account(&format!("ours-{seed}"), &Rng::System);
        new.workspace.time_zone = "America/New_York".into();
        let ours = new.workspace.id;
        store.sign_up(new).await.unwrap();
        let links = ["a", "b", "c"].map(|slug| format!("{slug}{seed}"));
        let links = [link(store, ours, &links[0]).await.id, link(store, ours, &links[1]).await.id, link(store, ours, &links[2]).await.id];
        let rng = Rng::seeded(seed);
        let pick = |bound: u64| usize::try_from(rng.below(bound)).unwrap();
        let clicks: Vec<Click> = (0..500)
            .map(|_| {
                // Three days, of which one has 23 hours.
                let at = start.plus(i64::try_from(rng.below(71 * 3_600_000)).unwrap() - DAY);
                let outcome = if pick(9) == 0 { domain::Outcome::Disabled } else { domain::Outcome::Redirected };
                let one = Click { verdict: Verdict::ALL[pick(4)], outcome, ..click(links[pick(3)], at) };
                match pick(6) {
                    0 => one,
                    // Some have the same key on every day.
                    1 => Click { visitor: Some(VisitorKey { key: format!("id-{}", pick(5)), recipe: 2 }), ..one },
                    _ => by(rng.below(30) + 100 * u64::from(LocalDay::of(at, &zone).0.unsigned_abs()), one),
                }
            })
            .collect();
        for part in clicks.chunks(41) {
            ingest(store, ours, &zone, part).await;
            ingest(store, ours, &zone, part).await;
        }
        compare(store, ours, links).await;
        judge(store, ours, (0..120).map(|_| (clicks[pick(500)].id, Verdict::ALL[pick(4)]))).await;
        compare(store, ours, links).await;
        let some = clicks.iter().filter_map(|click| click.visitor.clone()).nth(pick(100)).unwrap();
        erase(store, ours, Subject::Visitor(some), (Millis(0), start.plus(4 * DAY))).await;
        let id = VisitorKey { key: "id-1".into(), recipe: 2 };
        erase(store, ours, Subject::Visitor(id), (start.plus(-HOUR), start.plus(20 * HOUR))).await;
        compare(store, ours, links).await;
        erase(store, ours, Subject::History(links[1]), (Millis(0), start.plus(9 * HOUR))).await;
        compare(store, ours, links).await;
    }
}

/// Links of so many visitors that they are not remembered one by one.
pub async fn many_visitors_are_within_three_standard_errors(store: &Database) {
    let ours = workspace(store, "ours").await;
    let [a, b] = [link(store, ours, "a").await.id, link(store, ours, "b").await.id];
    let clicks: Vec<Click> = (0..2_000).map(|visitor| by(visitor, click(a, NOON))).collect();
    let others: Vec<Click> = (1_500..2_200).map(|visitor| by(visitor, click(b, NOON.plus(HOUR)))).collect();
    for part in clicks.chunks(700).chain([others.as_slice()]) {
        ingest(store, ours, &TimeZone::UTC, part).await;
    }
    let near = async |verdict: Verdict, exact: u64| {
        let found = read(store, ours).await.estimated_uniques(&of(&[a, b], &[verdict])).await.unwrap().unwrap();
        assert!(found.abs_diff(exact) as f64 <= 3.0 * 0.023 * exact as f64, "{found} {exact}");
        let verified = verify(store, ours).await;
        assert!(verified.differences.is_empty(), "{verified:?}");
    };
    near(Verdict::Human, 2_200).await;
    // All but 300 turn out to be bots: what cannot forget is made anew.
    judge(store, ours, clicks.iter().take(1_700).map(|click| (click.id, Verdict::Bot))).await;
    near(Verdict::Human, 700).await;
    near(Verdict::Bot, 1_700).await;
    let known = clicks[1_999].visitor.clone().unwrap();
    erase(store, ours, Subject::Visitor(known), (Millis(0), NOON.plus(DAY))).await;
    near(Verdict::Human, 699).await;
    erase(store, ours, Subject::History(b), (Millis(0), NOON.plus(DAY))).await;
    near(Verdict::Human, 299).await;
    // What is lost is found missing, and counted anew.
    let before = read(store, ours).await.estimated_uniques(&of(&[a, b], Verdict::ALL)).await.unwrap();
    store.execute("DELETE FROM visitor_sketches").await;
    let missing = verify(store, ours).await.differences;
    let told: Vec<_> =
        missing.iter().map(|found| (found.link, found.piece, found.verdict, found.cell.firsts, found.clicks.firsts)).collect();
    let wanted = |verdict, firsts| (Some(a), Piece::DayOfVisitors, verdict, 0, firsts);
    assert_eq!(told, [wanted(Verdict::Human, 299), wanted(Verdict::Bot, 1_700)]);
    store.rebuild_rollups(ours, NOON.plus(2 * HOUR)).await.unwrap().unwrap();
    assert_eq!(read(store, ours).await.estimated_uniques(&of(&[a, b], Verdict::ALL)).await.unwrap(), before);
    near(Verdict::Bot, 1_700).await;
}

pub async fn estimates_are_of_links_and_of_days_that_are_known(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let [a, b, c] = [link(store, ours, "a").await.id, link(store, ours, "b").await.id, link(store, theirs, "c").await.id];
    let on =
        |day: i64| [by(1, click(a, NOON.plus(day * DAY))), by(1, click(b, NOON.plus(day * DAY))), by(2, click(b, NOON.plus(day * DAY)))];
    ingest(store, ours, &TimeZone::UTC, &[on(0), on(1)].concat()).await;
    ingest(store, theirs, &TimeZone::UTC, &[by(3, click(c, NOON))]).await;
    let asked = async |filter: ClickFilter| read(store, ours).await.estimated_uniques(&filter).await.unwrap();
    assert_eq!((asked(of(&[a, b], &[])).await, asked(of(&[b, c], &[])).await), (Some(4), Some(4)));
    // One link and the whole workspace are known exactly; by country nothing is.
    let country = ClickProperties { countries: vec![Some("DE".into())], links: vec![a, b], ..ClickProperties::default() };
    assert_eq!((asked(of(&[a], &[])).await, asked(of(&[], &[])).await, asked(country.into()).await), (None, None, None));
    // The day under way is whole as long as nobody has clicked since.
    let until = |to| ClickFilter { to: Some(to), ..of(&[a, b], &[]) };
    assert_eq!((asked(until(NOON.plus(DAY + 1))).await, asked(until(NOON.plus(DAY))).await), (Some(4), None));
    let from = |from| ClickFilter { from: Some(from), ..of(&[a, b], &[]) };
    assert_eq!((asked(from(NOON.plus(DAY - HOUR))).await, asked(from(NOON.plus(DAY + HOUR))).await), (Some(2), None));
    // Sketches of days that are long ago go, and what they were of is unknown from then on.
    let midnight = NOON.plus(12 * HOUR);
    assert_eq!(store.remove_sketches(ours, NOON.plus(-HOUR)).await.unwrap().rows, 2);
    assert_eq!(store.remove_sketches(ours, NOON.plus(HOUR)).await.unwrap().rows, 0);
    assert_eq!((asked(of(&[a, b], &[])).await, asked(from(midnight)).await), (None, Some(2)));
    assert!(verify(store, ours).await.differences.is_empty());
    assert_eq!(store.number("SELECT count(*) FROM visitor_sketches").await, 3);
    // A click that comes late leaves nothing there.
    ingest(store, ours, &TimeZone::UTC, &[by(7, click(a, NOON))]).await;
    assert_eq!(store.number("SELECT count(*) FROM visitor_sketches").await, 3);
    // A part of them does not stand for all.
    store.execute("UPDATE workspace_heads SET sketches_from = 9223372036854775807").await;
    assert_eq!(asked(from(midnight)).await, None);
    store.rebuild_rollups(ours, NOON.plus(DAY + 1)).await.unwrap().unwrap();
    assert_eq!(asked(from(midnight)).await, Some(2));
}
