//! Rollup cells against the same clicks counted plainly, in SQL and in memory: whatever happened to them, whatever
//! is asked about, in any zone.

use std::collections::{BTreeMap, HashMap};

use domain::{
    BucketSpan, Click, ClickFilter, ClickId, Dimension, DimensionValue, LinkId, LocalDay, Millis, Quarter, Verdict, VerdictReason,
    WorkspaceId, buckets,
};
use jiff::tz::TimeZone;
use platform::Rng;
use sqlx::Row as _;
use store::{Access, BreakdownRequest, Incoming, Rejudged, Source, Store, StoreError};

use crate::filters::{Drawn, drawn_in};
use crate::fixture::{Database, NOON, click, incoming, ingest, link, read, workspace};

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;
/// In milliseconds, from three days before noon on.
const SPAN: i64 = 6 * DAY;
const BEGIN: Millis = Millis(NOON.0 - 3 * DAY);

/// Zones whose days begin at various parts of an hour of UTC.
pub const ZONES: [&str; 4] = ["UTC", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"];

pub struct Told {
    pub store: Store,
    pub workspace: WorkspaceId,
    pub drawn: Drawn,
    clicks: Vec<Click>,
}

impl Told {
    /// Clicks over some days, stored in batches that are out of order, some judged again, some erased.
    pub async fn of(database: &Database, seed: u64, zone: &str) -> Self {
        let store: &Store = database;
        let (workspace, drawn) = drawn_in(store, seed, zone).await;
        let zone = TimeZone::get(zone).unwrap();
        let mut clicks: Vec<Click> = (0..400).map(|_| drawn.click_within(BEGIN, SPAN)).collect();
        for batch in clicks.chunks(77) {
            let of = |click: &Click| Incoming {
                day: click.visitor.as_ref().map(|_| LocalDay::of(click.occurred_at(), &zone)),
                ..incoming(workspace, click.clone())
            };
            let batch: Vec<Incoming> = batch.iter().map(of).collect();
            store.ingest(&batch, NOON).await.unwrap();
            // A frame that is delivered again.
            store.ingest(&batch, NOON).await.unwrap();
        }
        let judged: Vec<Rejudged> = clicks.iter().step_by(5).map(|click| drawn.judged(click)).collect();
        store.rejudge(workspace, &judged).await.unwrap();
        let by_id: HashMap<ClickId, &Rejudged> = judged.iter().map(|judged| (judged.click, judged)).collect();
        for click in &mut clicks {
            if let Some(judged) = by_id.get(&click.id) {
                (click.verdict, click.verdict_reason) = (judged.verdict, judged.reason);
            }
        }
        Self { store: store.clone(), workspace, drawn, clicks }
    }

    pub fn counted(&self, filter: &ClickFilter) -> Vec<&Click> {
        self.clicks.iter().filter(|click| click.outcome.is_counted() && self.drawn.matches(filter, click)).collect()
    }

    /// A filter about one property at most, over a range whose ends are edges of something.
    pub fn filter(&self, zone: &TimeZone) -> ClickFilter {
        let mut filter = self.drawn.filter_of_one();
        let at = || {
            let at = BEGIN.plus(self.drawn.millis(SPAN + DAY) - DAY / 2);
            Some(match self.drawn.below(5) {
                0 => at,
                1 => Quarter::of(at).start(),
                2 => Millis(at.0 / HOUR * HOUR),
                _ => LocalDay::of(at, zone).start(zone).unwrap(),
            })
        };
        filter.from = if self.drawn.below(4) == 0 { None } else { at() };
        filter.to = if self.drawn.below(4) == 0 { None } else { at() };
        filter
    }

    async fn check_totals(&self, filter: &ClickFilter) -> Source {
        let totals = read(&self.store, self.workspace).await.totals(filter).await.unwrap();
        let any = filter.of_any_verdict();
        for verdict in Verdict::ALL {
            let wanted = self.counted(&any).iter().filter(|click| click.verdict == *verdict).count() as u64;
            assert_eq!(totals.tally.counts.of(&[*verdict]), wanted, "{verdict:?} {filter:?}");
        }
        totals.source
    }

    async fn check_series(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Source {
        let series = read(&self.store, self.workspace).await.series(filter, spans).await.unwrap();
        let verdicts = filter.verdicts_or(&[Verdict::Human]);
        for (span, point) in spans.iter().zip(&series.points) {
            let here = ClickFilter { from: filter.from.max(Some(span.start)), ..filter.clone() };
            let here = ClickFilter { to: Some(filter.to.unwrap_or(span.end).min(span.end)), ..here }.of_any_verdict();
            let wanted = self.counted(&here).iter().filter(|click| verdicts.contains(&click.verdict)).count() as u64;
            assert_eq!(point.counts.of(&verdicts), wanted, "{span:?} {filter:?}");
        }
        series.source
    }

    async fn check_breakdown(&self, filter: &ClickFilter, dimension: Dimension) -> Source {
        let verdicts = filter.verdicts_or(dimension.default_verdicts());
        let mut wanted: HashMap<DimensionValue, u64> = HashMap::new();
        for click in self.counted(&filter.of_any_verdict()).iter().filter(|click| verdicts.contains(&click.verdict)) {
            *wanted.entry(dimension.of(click)).or_default() += 1;
        }
        let request = BreakdownRequest::new(dimension, filter.clone(), 500);
        let found = read(&self.store, self.workspace).await.breakdown(&request).await.unwrap();
        let total: u64 = wanted.values().sum();
        let rows: HashMap<DimensionValue, u64> = found.rows.into_iter().map(|row| (row.value, row.clicks)).collect();
        assert_eq!((rows, found.total, found.capped), (wanted, total, false), "{dimension:?} {filter:?}");
        found.source
    }

    async fn check_cells(&self) {
        let scope = read(&self.store, self.workspace).await;
        let (first, last) = (Quarter::of(BEGIN), Quarter::of(BEGIN.plus(SPAN)));
        let verified = scope.verify_cells(first, last).await.unwrap();
        assert!(verified.cells > 100 && verified.differences.is_empty(), "{:?}", verified.differences.first());
    }
}

pub async fn cells_say_what_their_clicks_say(database: &Database) {
    let mut sources: BTreeMap<&str, u32> = BTreeMap::new();
    for (seed, own) in ZONES.into_iter().enumerate() {
        let told = Told::of(database, 40 + seed as u64, own).await;
        told.check_cells().await;
        for _ in 0..60 {
            let own = TimeZone::get(own).unwrap();
            let filter = told.filter(&own);
            let zone = TimeZone::get(told.drawn.one(&ZONES)).unwrap();
            let mut note = |what, source| *sources.entry(what).or_default() += u32::from(source == Source::Rollup);
            note("totals", told.check_totals(&filter).await);
            let asked_twice = filter.one_dimension().flatten().map(|one| one.dimension);
            for dimension in [told.drawn.one(Dimension::ALL), asked_twice.unwrap_or(Dimension::Link)] {
                if Dimension::ALL.contains(&dimension) {
                    note("breakdowns", told.check_breakdown(&filter, dimension).await);
                }
            }
            let bucket = told.drawn.one(&[domain::Bucket::Hour, domain::Bucket::Day]);
            let (from, to) = (filter.from.unwrap_or(BEGIN), filter.to.unwrap_or(BEGIN.plus(SPAN)));
            let spans = buckets(bucket, if told.drawn.below(2) == 0 { &own } else { &zone }, from, to.max(from.plus(1))).unwrap();
            note("series", told.check_series(&filter, &spans).await);
        }
    }
    assert!(sources.values().all(|by_cells| *by_cells > 60), "these questions tell nothing of cells: {sources:?}");
}

pub async fn counted_anew_nothing_is_different(database: &Database) {
    let told = Told::of(database, 60, "Asia/Kathmandu").await;
    let cells = async || {
        let sql = "SELECT link_id, grain, quarter, body FROM rollup_cells WHERE workspace_id = $1 ORDER BY link_id, grain, quarter";
        bodies(database, sql, told.workspace).await
    };
    let before = cells().await;
    database.execute("DELETE FROM rollup_cells WHERE quarter % 3 = 0").await;
    database.execute("UPDATE rollup_cells SET body = (SELECT body FROM rollup_cells ORDER BY body LIMIT 1)").await;
    let (mut next, mut days) = (BEGIN.plus(SPAN + DAY), 0);
    while let Some(rebuilt) = told.store.rebuild_rollups(told.workspace, next).await.unwrap() {
        next = rebuilt.day.start();
        days += 1;
    }
    assert!((7..=9).contains(&days), "{days}");
    assert_eq!(cells().await, before);
    told.check_cells().await;
}

async fn bodies(database: &Database, sql: &'static str, workspace: WorkspaceId) -> Vec<(Vec<u8>, i64, i64, Vec<u8>)> {
    macro_rules! rows {
        ($pool:expr, $link:ty) => {
            sqlx::query(sql)
                .bind(workspace.0)
                .fetch_all(&$pool)
                .await
                .unwrap()
                .iter()
                .map(|row| {
                    let link: uuid::Uuid = row.get(0);
                    (link.as_bytes().to_vec(), row.get::<$link, _>(1).into(), row.get(2), row.get(3))
                })
                .collect()
        };
    }
    match &database.url {
        platform::config::Database::Postgres(_) => rows!(database.postgres_pool().await, i16),
        platform::config::Database::Sqlite(_) => rows!(database.sqlite_pool().await, i16),
    }
}

pub async fn values_beyond_the_most_are_counted_as_others(database: &Database) {
    let store: &Store = database;
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await.id;
    let of_city = |number: usize| {
        let mut click = click(link, NOON.plus(number as i64));
        click.place.city = Some(format!("City {number:04}"));
        click
    };
    let clicks: Vec<Click> = (0..1_100).map(of_city).collect();
    for batch in clicks.chunks(300) {
        ingest(store, ours, batch).await;
    }
    let request = |filter| BreakdownRequest::new(Dimension::City, filter, 500);
    let found = read(store, ours).await.breakdown(&request(ClickFilter::default())).await.unwrap();
    assert_eq!((found.total, found.rows.len(), found.capped, found.source), (1_100, 500, true, Source::Rollup));
    // A city that no cell names is counted all the same where it is asked for.
    let cities = vec![Some("City 1099".to_owned()), Some("City 0000".to_owned())];
    let filter = ClickFilter::from(domain::ClickProperties { cities, ..domain::ClickProperties::default() });
    let totals = read(store, ours).await.totals(&filter).await.unwrap();
    assert_eq!((totals.tally.counts.human, totals.source), (2, Source::Clicks));
    let verified = read(store, ours).await.verify_cells(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 2)).await.unwrap();
    assert_eq!(verified.differences, []);
    // What has no place of its own can be judged again and erased as well.
    let last = clicks.last().unwrap();
    let anew = Rejudged { click: last.id, verdict: Verdict::Bot, reason: VerdictReason::Burst, rules_version: 9, derived: None };
    store.rejudge(ours, &[anew]).await.unwrap();
    let verified = read(store, ours).await.verify_cells(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 2)).await.unwrap();
    assert_eq!(verified.differences, []);
}

pub async fn two_workers_give_each_value_one_number(database: &Database) {
    let store: &Store = database;
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await.id;
    // Another process remembers other numbers than this one, or none.
    let other = Store::connect(&database.url).await.unwrap();
    let batch = |from: usize| -> Vec<Click> {
        let one = |number: usize| {
            let mut click = click(link, NOON.plus(number as i64));
            click.place.country = Some(format!("C{}", number % 50));
            (click.utm.source, click.utm.campaign) = (Some(format!("s{}", number % 7)), Some(format!("s{}", number % 11)));
            click
        };
        (from..from + 40).map(one).collect()
    };
    let batches: Vec<Vec<Click>> = (0..16).map(|at| batch(at * 40)).collect();
    let (even, odd): (Vec<_>, Vec<_>) = batches.iter().enumerate().partition(|(at, _)| at % 2 == 0);
    let run = async |store: &Store, batches: Vec<(usize, &Vec<Click>)>| {
        for (_, batch) in batches {
            ingest(store, ours, batch).await;
        }
    };
    tokio::join!(run(store, even), run(&other, odd));
    let scope = read(store, ours).await;
    let request = |dimension| BreakdownRequest::new(dimension, ClickFilter::default(), 500);
    for (dimension, values) in [(Dimension::Country, 50), (Dimension::UtmSource, 7), (Dimension::UtmCampaign, 11)] {
        let found = scope.breakdown(&request(dimension)).await.unwrap();
        assert_eq!((found.rows.len(), found.total, found.source), (values, 640, Source::Rollup));
        let largest = found.rows.first().unwrap().clicks;
        assert!(found.rows.iter().all(|row| largest - row.clicks <= 1), "{:?}", found.rows);
    }
    assert_eq!(scope.verify_cells(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 2)).await.unwrap().differences, []);
}

pub async fn what_is_folded_is_told_by_days(database: &Database) {
    let store: &Store = database;
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await.id;
    for day in 0..4 {
        ingest(store, ours, &[click(link, NOON.plus(day * DAY)), click(link, NOON.plus(day * DAY + HOUR))]).await;
    }
    // As a purge and a fold leave them: clicks of two days and hours of three are gone.
    let midnight = NOON.plus(-12 * HOUR);
    store.keep_clicks_from(ours, midnight.plus(2 * DAY)).await.unwrap();
    database.execute("DELETE FROM clicks WHERE occurred_at < 1772496000000").await;
    database.execute("DELETE FROM rollup_cells WHERE grain = 1 AND quarter < 1969536").await;
    database.execute("UPDATE workspace_heads SET folded_before = 1969536").await;
    assert_eq!((midnight.plus(2 * DAY), Quarter(1_969_536).start()), (Millis(1_772_496_000_000), midnight.plus(3 * DAY)));
    let of_germany = |from: i64, to: i64| ClickFilter {
        from: Some(midnight.plus(from)),
        to: Some(midnight.plus(to)),
        ..ClickFilter::from(domain::ClickProperties { countries: vec![Some("DE".into())], ..domain::ClickProperties::default() })
    };
    let totals = async |filter: ClickFilter| {
        let totals = read(store, ours).await.totals(&filter).await;
        totals.map(|totals| (totals.tally.counts.human, totals.source))
    };
    assert_eq!(totals(of_germany(0, 4 * DAY)).await.unwrap(), (8, Source::Rollup));
    // Half days of before: of clicks while they are kept, and not at all after.
    assert_eq!(totals(of_germany(2 * DAY, 2 * DAY + 13 * HOUR)).await.unwrap(), (1, Source::Clicks));
    let folded = totals(of_germany(0, DAY + 13 * HOUR)).await;
    assert!(matches!(folded, Err(StoreError::Folded(until)) if until == midnight.plus(2 * DAY)), "{folded:?}");
    // Totals are kept by the quarter-hour for ever.
    let any = ClickFilter { include: Default::default(), ..of_germany(0, DAY + 13 * HOUR) };
    assert_eq!(totals(any).await.unwrap(), (3, Source::Rollup));
    // What comes late changes the day and the quarter-hour, not an hour that is gone.
    ingest(store, ours, &[click(link, NOON.plus(2 * DAY + 2 * HOUR))]).await;
    assert_eq!(totals(of_germany(0, 4 * DAY)).await.unwrap(), (9, Source::Rollup));
    assert_eq!(database.number("SELECT count(*) FROM rollup_cells WHERE grain = 1 AND quarter < 1969536").await, 0);
    let scope = store.workspace(ours, Access::Read).await.unwrap();
    assert_eq!(scope.verify_cells(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 400)).await.unwrap().differences, []);
}

pub async fn latency_is_told_by_cells(database: &Database) {
    let store: &Store = database;
    let ours = workspace(store, "ours").await;
    let link: LinkId = link(store, ours, "a").await.id;
    let rng = Rng::seeded(3);
    let of = |number: i64| Click { redirect_micros: 20 + rng.below(2_000) as u32, ..click(link, NOON.plus(number * HOUR)) };
    let clicks: Vec<Click> = (0..60).map(of).collect();
    ingest(store, ours, &clicks).await;
    let asked = async |filter: &ClickFilter| read(store, ours).await.redirect_micros(filter).await.unwrap();
    let all = ClickFilter::default();
    let whole = asked(&all).await;
    // The same of the clicks themselves, which a range that begins within a quarter-hour reads in part.
    let ragged = ClickFilter { from: Some(NOON.plus(-1)), ..ClickFilter::default() };
    assert_eq!(asked(&ragged).await, whole);
    database.execute("DELETE FROM clicks").await;
    assert_eq!(asked(&all).await, whole);
    let of_link = ClickFilter::from(domain::ClickProperties { links: vec![link], ..domain::ClickProperties::default() });
    assert_eq!(asked(&of_link).await, whole);
}
