//! Folding, counting anew, and workspaces from before cells had dimensions.

use std::collections::HashMap;

use domain::{
    AuditId, Bucket, Click, ClickFilter, ClickProperties, Dimension, DimensionValue, GeoPlace, LinkId, Millis, Quarter, Verdict,
    WorkspaceId, buckets,
};
use jiff::tz::TimeZone;
use platform::Rng;
use platform::config::Database as DatabaseUrl;
use store::{BreakdownRequest, BreakdownRow, FoldPlace, Piece, Source, Store, StoreError, Verified};

use crate::fixture::{Database, NOON, account, click, ingest, link, read, workspace};

pub const DAY: i64 = 86_400_000;
pub const DAYS: i64 = 10;
/// Of the ten days from [`NOON`] on some are older than 90 days.
const LATER: Millis = Millis(NOON.0 + 95 * DAY);

/// A workspace in Berlin.
pub async fn berlin(store: &Store, name: &str) -> WorkspaceId {
    let mut new = account(name, &Rng::System);
    new.workspace.time_zone = "Europe/Berlin".into();
    let id = new.workspace.id;
    store.sign_up(new).await.unwrap();
    id
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

/// Midnight in Berlin, so many days after the one that [`NOON`]'s day began with.
pub fn midnight(days: i64) -> Millis {
    NOON.plus(days * DAY - 13 * 3_600_000)
}

/// Clicks over ten days.
pub fn spread(links: [LinkId; 2], count: u64, seed: u64) -> Vec<Click> {
    let rng = Rng::seeded(seed);
    let pick = |bound: u64| usize::try_from(rng.below(bound)).unwrap();
    let one = |_| {
        let at = NOON.plus(i64::try_from(pick(DAYS.unsigned_abs() * DAY.unsigned_abs())).unwrap());
        let place = GeoPlace { country: [Some("DE"), Some("US"), None][pick(3)].map(Into::into), ..GeoPlace::default() };
        let browser = [Some("Firefox"), Some("Chrome")][pick(2)].map(Into::into);
        Click { verdict: Verdict::ALL[pick(4)], place, browser, ..click(links[pick(2)], at) }
    };
    (0..count).map(one).collect()
}

async fn filled(store: &Store) -> (WorkspaceId, [LinkId; 2], Vec<Click>) {
    let ours = berlin(store, "ours").await;
    let links = [link(store, ours, "a").await.id, link(store, ours, "b").await.id];
    let clicks = spread(links, 400, 3);
    ingest(store, ours, &clicks).await;
    (ours, links, clicks)
}

fn request(dimension: Dimension, filter: ClickFilter) -> BreakdownRequest {
    BreakdownRequest::new(dimension, filter, 500)
}

fn between(from: Millis, to: Millis) -> ClickFilter {
    ClickFilter { from: Some(from), to: Some(to), ..ClickFilter::default() }
}

fn german(filter: ClickFilter) -> ClickFilter {
    ClickFilter { include: ClickProperties { countries: vec![Some("DE".into())], ..ClickProperties::default() }, ..filter }
}

/// Breakdowns of whole days, each with what it was computed from.
pub async fn by_days(store: &Store, ours: WorkspaceId) -> Vec<(Vec<BreakdownRow>, u64, Source)> {
    let scope = read(store, ours).await;
    let mut found = Vec::new();
    for filter in [ClickFilter::default(), between(midnight(2), midnight(8)), german(between(midnight(1), midnight(4)))] {
        for dimension in [Dimension::Country, Dimension::Browser, Dimension::Link, Dimension::VerdictReason] {
            if !filter.include.countries.is_empty() && dimension != Dimension::Country {
                continue;
            }
            let found_here = scope.breakdown(&request(dimension, filter.clone())).await.unwrap();
            found.push((found_here.rows, found_here.total, found_here.source));
        }
    }
    found
}

pub fn rows_alone(found: Vec<(Vec<BreakdownRow>, u64, Source)>) -> Vec<(Vec<BreakdownRow>, u64)> {
    found.into_iter().map(|(rows, total, _)| (rows, total)).collect()
}

/// People by country, counted in memory and as answered.
pub async fn assert_countries(store: &Store, ours: WorkspaceId, clicks: &[Click]) {
    let mut wanted: HashMap<DimensionValue, u64> = HashMap::new();
    let verdicts = Dimension::Country.default_verdicts();
    for click in clicks.iter().filter(|click| verdicts.contains(&click.verdict)) {
        *wanted.entry(Dimension::Country.of(click)).or_default() += 1;
    }
    let found = read(store, ours).await.breakdown(&request(Dimension::Country, ClickFilter::default())).await.unwrap();
    assert_eq!(found.rows.into_iter().map(|row| (row.value, row.clicks)).collect::<HashMap<_, _>>(), wanted);
}

async fn series(store: &Store, ours: WorkspaceId, bucket: Bucket, (from, to): (Millis, Millis)) -> Result<(Vec<u64>, Source), StoreError> {
    let spans = buckets(bucket, &zone(), from, to).unwrap();
    let series = read(store, ours).await.series(&german(between(from, to)), &spans).await?;
    Ok((series.points.iter().map(|point| point.counts.of(Verdict::ALL)).collect(), series.source))
}

async fn verified(store: &Store, ours: WorkspaceId) -> Verified {
    let scope = read(store, ours).await;
    let last = scope.last_counted().await.unwrap().unwrap();
    scope.verify_cells(Quarter::of(midnight(0)), Quarter(last.0 + 1)).await.unwrap()
}

pub async fn assert_clean(store: &Store, ours: WorkspaceId) {
    let found = verified(store, ours).await;
    assert!(found.cells > 0 && found.differences.is_empty() && found.unreadable.is_empty(), "{found:?}");
    let links = read(store, ours).await.verify_links(None).await.unwrap();
    assert!(links.differences.is_empty() && links.next.is_none() && links.links > 0, "{links:?}");
}

/// How many cells went.
async fn fold(store: &Store, ours: WorkspaceId, now: Millis) -> u64 {
    let (mut cells, mut place) = (0, Some(FoldPlace::default()));
    while let Some(from) = place {
        let folded = store.fold_rollups(ours, now, from).await.unwrap();
        (cells, place) = (cells + folded.cells, folded.next);
    }
    cells
}

/// All days that can be, the last one first. Which there were.
async fn rebuild(store: &Store, ours: WorkspaceId) -> Vec<Millis> {
    let (mut before, mut days) = (NOON.plus(40 * DAY), Vec::new());
    while let Some(rebuilt) = store.rebuild_rollups(ours, before).await.unwrap() {
        before = rebuilt.day.start();
        days.push(before);
    }
    let mut after = None;
    loop {
        after = store.recount_links(ours, after).await.unwrap().next;
        if after.is_none() {
            return days;
        }
    }
}

const FINE: &str = "SELECT count(*) FROM rollup_cells WHERE grain = 1";
const FOLDED: &str = "SELECT count(*) FROM rollup_cells c JOIN workspace_heads h ON h.workspace_id = c.workspace_id \
                      WHERE c.grain = 1 AND c.quarter < h.folded_before";
const MARK: &str = "SELECT max(folded_before) FROM workspace_heads";

pub async fn days_stay_when_hours_are_folded(database: &Database) {
    let store = &database.store;
    let theirs = workspace(store, "theirs").await;
    let c = link(store, theirs, "c").await.id;
    ingest(store, theirs, &[click(c, NOON)]).await;
    let (ours, links, mut clicks) = filled(store).await;
    let before = by_days(store, ours).await;
    assert!(before.iter().all(|(_, total, source)| *total > 5 && *source == Source::Rollup), "{before:?}");
    let hours = (midnight(2), midnight(4));
    let by_hour = series(store, ours, Bucket::Hour, hours).await.unwrap();
    let by_day = series(store, ours, Bucket::Day, hours).await.unwrap();
    assert_eq!((by_hour.1, by_hour.0.iter().sum::<u64>()), (Source::Rollup, by_day.0.iter().sum()));
    let fine = database.number(FINE).await;

    let folded = fold(store, ours, LATER).await;
    assert!(folded > 50, "{folded}");
    assert_eq!(database.number(FINE).await, fine - i64::try_from(folded).unwrap());
    assert_eq!((database.number(FOLDED).await, fold(store, ours, LATER).await), (0, 0));
    // The local day 90 days ago is kept by the hour.
    assert_eq!(database.number(MARK).await, Quarter::of(midnight(5)).0);
    assert_eq!(by_days(store, ours).await, before);
    assert_eq!(series(store, ours, Bucket::Day, hours).await.unwrap(), by_day);
    assert_eq!(series(store, ours, Bucket::Hour, hours).await.unwrap(), (by_hour.0, Source::Clicks));
    assert_clean(store, ours).await;
    // A clock that goes back folds nothing and unfolds nothing.
    assert_eq!(fold(store, ours, NOON).await, 0);
    assert_eq!(database.number(MARK).await, Quarter::of(midnight(5)).0);

    // Late ones change what there is, and make no hours.
    let fine = database.number(FINE).await;
    let late: Vec<Click> = (0..20).map(|number| click(links[0], NOON.plus(2 * DAY + number * 1_000_000))).collect();
    ingest(store, ours, &late).await;
    clicks.extend(late);
    assert_eq!(database.number(FINE).await, fine);
    assert_clean(store, ours).await;
    assert_countries(store, ours, &clicks).await;
    let before = by_days(store, ours).await;

    // Counted anew it is the same.
    assert_eq!(store.rebuild_rollups(ours, midnight(4)).await.unwrap().unwrap().day.start(), midnight(3));
    assert_eq!((database.number(FINE).await, by_days(store, ours).await), (fine, before.clone()));
    assert_clean(store, ours).await;

    // When clicks have gone as well, days are all there is.
    store.keep_clicks_from(ours, midnight(5)).await.unwrap();
    while store.purge_clicks(ours, AuditId::new(NOON, Rng::System.entropy())).await.unwrap().more {}
    assert_eq!(by_days(store, ours).await, before);
    assert_eq!(series(store, ours, Bucket::Day, hours).await.unwrap().1, Source::Rollup);
    let asked = series(store, ours, Bucket::Hour, hours).await;
    assert!(matches!(asked, Err(StoreError::Folded(at)) if at == midnight(5)), "{asked:?}");
    let part = request(Dimension::Country, between(midnight(2).plus(3_600_000), midnight(4)));
    assert!(matches!(read(store, ours).await.breakdown(&part).await, Err(StoreError::Folded(_))));
    assert_eq!(store.rebuild_rollups(ours, midnight(4)).await.unwrap(), None);
    assert_eq!(by_days(store, ours).await, before);
    assert_clean(store, theirs).await;
}

/// Statements past the store that damage cells and statistics.
async fn damage(database: &Database) {
    // Of another day, and so of other verdicts.
    database
        .execute(
            "UPDATE rollup_cells SET body = (SELECT o.body FROM rollup_cells o WHERE o.workspace_id = rollup_cells.workspace_id \
             AND o.link_id = rollup_cells.link_id AND o.grain = 2 ORDER BY o.quarter LIMIT 1) WHERE grain = 2",
        )
        .await;
    database.execute("DELETE FROM rollup_cells WHERE grain = 1 AND quarter % 3 = 0").await;
    database
        .execute(match database.url {
            DatabaseUrl::Postgres(_) => "UPDATE rollup_cells SET body = decode('02ff00', 'hex') WHERE grain = 0 AND quarter % 5 = 0",
            DatabaseUrl::Sqlite(_) => "UPDATE rollup_cells SET body = X'02FF00' WHERE grain = 0 AND quarter % 5 = 0",
        })
        .await;
    database.execute("UPDATE link_stats SET clicks = clicks + 5, last_clicked_at = 1").await;
    database.execute("DELETE FROM link_stats WHERE clicks = (SELECT max(clicks) FROM link_stats)").await;
}

pub async fn damaged_cells_are_told_of_and_mended(database: &Database) {
    let store = &database.store;
    let (ours, links, clicks) = filled(store).await;
    let before = by_days(store, ours).await;
    let last = async || {
        let scope = read(store, ours).await;
        (scope.link(links[0]).await.unwrap().last_clicked_at, scope.link(links[1]).await.unwrap().last_clicked_at)
    };
    let (last_before, sum) = (last().await, "SELECT CAST(sum(clicks) AS BIGINT) FROM link_stats");
    assert_eq!(database.number(sum).await, 400);

    damage(database).await;
    let found = verified(store, ours).await;
    for piece in [Piece::Hour, Piece::Day] {
        assert!(found.differences.iter().any(|found| found.piece == piece), "{piece:?}");
    }
    assert!(found.unreadable.len() > 20 && found.unreadable.iter().all(|cell| cell.piece == Piece::QuarterHour && cell.quarter.0 % 5 == 0));
    assert!(found.unreadable.iter().any(|cell| cell.link.is_none()) && found.unreadable.iter().any(|cell| cell.link == Some(links[1])));
    let told = read(store, ours).await.verify_links(None).await.unwrap();
    assert_eq!((told.links, told.differences.len()), (2, 2));

    assert_eq!(rebuild(store, ours).await.last(), Some(&midnight(0)));
    assert_clean(store, ours).await;
    assert_eq!((by_days(store, ours).await, last().await), (before, last_before));
    assert_eq!(database.number(sum).await, 400);
    assert_countries(store, ours, &clicks).await;
    // And once more nothing is otherwise.
    assert_eq!(store.recount_links(ours, None).await.unwrap().changed, 0);

    // What only cells know is not lost: without clicks statistics are theirs.
    store.keep_clicks_from(ours, midnight(30)).await.unwrap();
    while store.purge_clicks(ours, AuditId::new(NOON, Rng::System.entropy())).await.unwrap().more {}
    database.execute("UPDATE link_stats SET clicks = 1").await;
    assert_eq!(rebuild(store, ours).await, []);
    assert_eq!((database.number(sum).await, last().await), (400, last_before));
    database.execute("DELETE FROM link_stats").await;
    assert_eq!(store.recount_links(ours, None).await.unwrap().changed, 2);
    let to_the_quarter = |at: Option<Millis>| at.map(|at| Quarter::of(at).start());
    assert_eq!((database.number(sum).await, last().await), (400, (to_the_quarter(last_before.0), to_the_quarter(last_before.1))));
}
