//! Cells that have no place for a value, and cells that cannot be read.

use domain::{Click, ClickFilter, ClickProperties, Dimension, LinkId, Quarter, Verdict, VerdictReason, WorkspaceId};
use platform::config::Database as DatabaseUrl;
use store::{BreakdownRequest, Incoming, Rejudged, Source, Store, Verified};

use crate::fixture::{Database, NOON, click, incoming, ingest, link, read, workspace};

const HOUR: i64 = 3_600_000;

async fn verified(store: &Store, ours: WorkspaceId) -> Verified {
    read(store, ours).await.verify_cells(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 12)).await.unwrap()
}

async fn assert_clean(store: &Store, ours: WorkspaceId) {
    let found = verified(store, ours).await;
    assert!(found.cells > 0 && found.differences.is_empty() && found.unreadable.is_empty(), "{found:?}");
}

fn of_city(link: LinkId, number: usize) -> Click {
    let mut click = click(link, NOON.plus(number as i64));
    click.place.city = Some(format!("City {number:04}"));
    click
}

fn cities(numbers: &[usize]) -> ClickFilter {
    let cities = numbers.iter().map(|number| Some(format!("City {number:04}"))).collect();
    ClickProperties { cities, ..ClickProperties::default() }.into()
}

async fn people(store: &Store, ours: WorkspaceId, filter: &ClickFilter) -> (u64, Source) {
    let totals = read(store, ours).await.totals(filter).await.unwrap();
    (totals.tally.counts.human, totals.source)
}

fn as_bots(clicks: &[Click]) -> Vec<Rejudged> {
    let anew =
        |click: &Click| Rejudged { click: click.id, verdict: Verdict::Bot, reason: VerdictReason::Burst, rules_version: 9, derived: None };
    clicks.iter().map(anew).collect()
}

const NUMBERED: &str = "SELECT count(*) FROM rollup_values WHERE value LIKE 'City %'";

pub async fn values_beyond_the_most_are_counted_as_others(database: &Database) {
    let store: &Store = database;
    let ours = workspace(store, "ours").await;
    let [a, b] = [link(store, ours, "a").await.id, link(store, ours, "b").await.id];
    let clicks: Vec<Click> = (0..1_600).map(|number| of_city(a, number)).collect();
    for batch in clicks.chunks(300) {
        ingest(store, ours, batch).await;
    }
    // What no cell names is not kept: those of the batch that filled the cells are the last.
    assert_eq!(database.number(NUMBERED).await, 1_200);
    let found = read(store, ours).await.breakdown(&BreakdownRequest::new(Dimension::City, ClickFilter::default(), 500)).await.unwrap();
    assert_eq!((found.total, found.rows.len(), found.capped, found.source), (1_600, 500, true, Source::Rollup));
    // A city that no cell names is found and counted all the same where it is asked for.
    let search = BreakdownRequest { search: Some("y 15".into()), ..BreakdownRequest::new(Dimension::City, ClickFilter::default(), 500) };
    let found = read(store, ours).await.breakdown(&search).await.unwrap();
    assert_eq!((found.total, found.rows.len(), found.capped, found.source), (1_600, 100, false, Source::Clicks));
    assert_eq!(people(store, ours, &cities(&[1_599, 1_100, 0])).await, (3, Source::Clicks));
    assert_clean(store, ours).await;

    // Another link has a place for it, and what was counted with the others stays there.
    ingest(store, ours, &[of_city(b, 1_599)]).await;
    assert_eq!(database.number(NUMBERED).await, 1_201);
    assert_clean(store, ours).await;
    // What has no place of its own can be judged again, counted anew and erased as well.
    store.rejudge(ours, &as_bots(&clicks[1_590..])).await.unwrap();
    assert_eq!(people(store, ours, &cities(&[1_599, 1_598, 1_100])).await, (2, Source::Clicks));
    assert_clean(store, ours).await;
    assert!(store.rebuild_rollups(ours, NOON.plus(HOUR)).await.unwrap().is_some());
    assert_clean(store, ours).await;
    assert_eq!(database.number(NUMBERED).await, 1_201);
    let subject = store::Subject::History(a);
    assert_eq!(crate::erased::erase(store, ours, subject).await, 1_600);
    assert_clean(store, ours).await;
    assert_eq!(people(store, ours, &cities(&[1_599, 1])).await, (1, Source::Clicks));
}

/// Bytes of a format that nobody knows yet.
async fn damage(database: &Database, grain: Grain) {
    let sql = match (&database.url, grain) {
        (DatabaseUrl::Postgres(_), Grain::Day) => "UPDATE rollup_cells SET body = decode('0301', 'hex') WHERE grain = 2",
        (DatabaseUrl::Sqlite(_), Grain::Day) => "UPDATE rollup_cells SET body = X'0301' WHERE grain = 2",
        (DatabaseUrl::Postgres(_), Grain::Visitors) => "UPDATE visitor_sketches SET body = decode('0301', 'hex')",
        (DatabaseUrl::Sqlite(_), Grain::Visitors) => "UPDATE visitor_sketches SET body = X'0301'",
    };
    database.execute(sql).await;
}

#[derive(Clone, Copy)]
enum Grain {
    Day,
    Visitors,
}

pub async fn counts_that_cannot_be_read_keep_no_click_waiting(database: &Database) {
    let store: &Store = database;
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let [a, b] = [link(store, ours, "a").await.id, link(store, theirs, "b").await.id];
    let by_somebody = |workspace, number: usize| {
        let link = if workspace == ours { a } else { b };
        let visitor = Some(domain::VisitorKey { key: format!("{number:032x}"), recipe: 1 });
        let day = Some(domain::LocalDay::of(NOON, &jiff::tz::TimeZone::UTC));
        Incoming { day, ..incoming(workspace, Click { visitor, ..of_city(link, number) }) }
    };
    let both = |number| [by_somebody(ours, number), by_somebody(theirs, number)];
    let first = both(0);
    store.ingest(&first, NOON).await.unwrap();
    for (number, grain) in [(1, Grain::Day), (2, Grain::Visitors)] {
        damage(database, grain).await;
        let report = store.ingest(&both(number), NOON).await.unwrap();
        assert_eq!((report.stored.len(), report.counted_anew.len()), (2, 2), "{report:?}");
        for workspace in [ours, theirs] {
            assert!(report.counted_anew.iter().any(|(counted, day)| *counted == workspace && day.start() <= NOON));
            assert_clean(store, workspace).await;
        }
    }
    damage(database, Grain::Day).await;
    assert_eq!(store.rejudge(ours, &as_bots(&[first[0].click.clone()])).await.unwrap(), 1);
    assert_clean(store, ours).await;
    assert_eq!(people(store, ours, &ClickFilter::default()).await, (2, Source::Rollup));

    // Where clicks are gone already, nothing is counted anew, and it is said what to do.
    store.keep_clicks_from(ours, NOON.plus(10)).await.unwrap();
    damage(database, Grain::Day).await;
    let error = store.ingest(&[by_somebody(ours, 20)], NOON).await.unwrap_err().to_string();
    assert!(error.contains(&format!("linklogger rebuild-rollups --workspace {ours}")) && error.contains("2026-"), "{error}");
}
