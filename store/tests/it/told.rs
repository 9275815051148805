//! Clicks from a seed, and what is told of them against a plain count in memory.

use std::collections::HashMap;

use domain::{BucketSpan, Click, ClickFilter, ClickId, Dimension, DimensionValue, LocalDay, Millis, Quarter, Verdict, WorkspaceId};
use jiff::tz::TimeZone;
use store::{BreakdownRequest, Incoming, Rejudged, Source, Store};

use crate::filters::{Drawn, drawn_in};
use crate::fixture::{Database, NOON, incoming, read};

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;
/// In milliseconds, from three days before noon on.
pub const SPAN: i64 = 6 * DAY;
pub const BEGIN: Millis = Millis(NOON.0 - 3 * DAY);

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

    pub async fn check_totals(&self, filter: &ClickFilter) -> Source {
        let totals = read(&self.store, self.workspace).await.totals(filter).await.unwrap();
        let any = filter.of_any_verdict();
        for verdict in Verdict::ALL {
            let wanted = self.counted(&any).iter().filter(|click| click.verdict == *verdict).count() as u64;
            assert_eq!(totals.tally.counts.of(&[*verdict]), wanted, "{verdict:?} {filter:?}");
        }
        totals.source
    }

    pub async fn check_series(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Source {
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

    pub async fn check_breakdown(&self, filter: &ClickFilter, dimension: Dimension) -> Source {
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

    pub async fn check_cells(&self) {
        let scope = read(&self.store, self.workspace).await;
        let (first, last) = (Quarter::of(BEGIN), Quarter::of(BEGIN.plus(SPAN)));
        let verified = scope.verify_cells(first, last).await.unwrap();
        assert!(verified.cells > 100 && verified.differences.is_empty(), "{:?}", verified.differences.first());
    }
}
