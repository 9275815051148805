//! Parameters that a workspace has counted, against the same clicks counted in memory.

use domain::{Click, ClickFilter, ClickProperties, Dimension, DimensionValue, Millis, Parameter, ParameterChoice, Quarter, WorkspaceId};
use store::{Access, BreakdownRequest, BreakdownRow, Source, Store};

use crate::fixture::{NOON, click, ingest, link, read, workspace};

const DAY: i64 = 24 * 3_600_000;

async fn count(store: &Store, workspace: WorkspaceId, names: &[&str], now: Millis) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.lock_counted_parameters().await.unwrap();
    scope.set_counted_parameters(&names, now).await.unwrap();
    scope.commit().await.unwrap();
}

fn with(values: &[&str], click: Click) -> Click {
    let parameters = values.iter().map(|value| Parameter { key: "ref".into(), value: (*value).into() });
    Click { parameters: parameters.chain([Parameter { key: "other".into(), value: "x".into() }]).collect(), ..click }
}

fn of_ref(values: &[Option<&str>]) -> ClickProperties {
    let values = values.iter().map(|value| value.map(str::to_owned)).collect();
    ClickProperties { parameters: vec![ParameterChoice { key: "ref".into(), values }], ..ClickProperties::default() }
}

fn filters() -> Vec<ClickFilter> {
    let included = |values: &[Option<&str>]| ClickFilter::from(of_ref(values));
    let excluded = |values: &[Option<&str>]| ClickFilter { exclude: of_ref(values), ..ClickFilter::default() };
    let all = [
        ClickFilter::default(),
        included(&[Some("a")]),
        included(&[Some("a"), None]),
        included(&[Some("nothing")]),
        excluded(&[Some("a")]),
        excluded(&[None]),
    ];
    let late = |filter: &ClickFilter| ClickFilter { from: Some(NOON.plus(DAY + 1_000)), ..filter.clone() };
    all.iter().flat_map(|filter| [filter.clone(), late(filter)]).collect()
}

/// With the first value of each click, as clicks are grouped.
fn rows(clicks: &[Click], filter: &ClickFilter) -> Vec<BreakdownRow> {
    let mut rows: Vec<BreakdownRow> = Vec::new();
    for click in clicks.iter().filter(|click| filter.matches(click)) {
        let value = click.parameters.iter().find(|parameter| parameter.key == "ref").map(|parameter| parameter.value.clone());
        let value = DimensionValue::from(value);
        match rows.iter_mut().find(|row| row.value == value) {
            Some(row) => row.clicks += 1,
            None => rows.push(BreakdownRow { value, clicks: 1, previous: None }),
        }
    }
    rows.sort_by_key(|row| (u64::MAX - row.clicks, row.value.text().is_none(), row.value.text()));
    rows
}

async fn compare(store: &Store, ours: WorkspaceId, clicks: &[Click], state: &str) {
    let scope = read(store, ours).await;
    for filter in filters() {
        let request = BreakdownRequest { key: Some("ref".into()), ..BreakdownRequest::new(Dimension::Parameter, filter.clone(), 100) };
        let wanted = rows(clicks, &filter);
        assert_eq!(scope.breakdown(&request).await.unwrap().rows, wanted, "{state} {filter:?}");
        let total: u64 = wanted.iter().map(|row| row.clicks).sum();
        let totals = scope.totals(&filter).await.unwrap();
        assert_eq!(totals.tally.counts.human, total, "{state} {filter:?}");
    }
}

/// Clicks of some half days.
fn over(link: domain::LinkId, halves: std::ops::Range<i64>) -> Vec<Click> {
    let values: [&[&str]; 5] = [&["a"], &[], &["b"], &["a"], &["ä%"]];
    let at = |number: i64| NOON.plus((halves.start * 60 + number * (halves.end - halves.start)) * DAY / 120);
    (0..60).map(|number| with(values[number as usize % 5], click(link, at(number)))).collect()
}

pub async fn values_are_the_same_from_cells_and_from_clicks(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await.id;
    let mut clicks = over(link, 0..1);
    ingest(store, ours, &clicks).await;
    compare(store, ours, &clicks, "not counted").await;
    let source = async || {
        let filter = ClickFilter { from: Some(NOON.plus(2 * DAY)), ..of_ref(&[Some("a")]).into() };
        read(store, ours).await.totals(&filter).await.unwrap().source
    };
    assert_eq!(source().await, Source::Clicks);
    count(store, ours, &["ref", "unused"], NOON).await;
    let counted = read(store, ours).await.counted_parameters().await.unwrap();
    // From the next day on: the first of March has twelve hours left.
    assert_eq!((counted[0].key.as_str(), counted[0].since), ("ref", NOON.plus(DAY / 2)));
    let more = over(link, 1..8);
    ingest(store, ours, &more).await;
    clicks.extend(more);
    compare(store, ours, &clicks, "counted").await;
    assert_eq!(source().await, Source::Rollup);
    // Read again, they are counted as they were.
    let days = (Quarter::of(NOON), Quarter::of(NOON.plus(9 * DAY)));
    let differences = async || read(store, ours).await.verify_cells(days.0, days.1).await.unwrap().differences;
    assert_eq!(differences().await, []);

    // Left out, and back in with a block of its own.
    count(store, ours, &["unused"], NOON.plus(4 * DAY)).await;
    compare(store, ours, &clicks, "left out").await;
    assert_eq!(source().await, Source::Clicks);
    count(store, ours, &["ref"], NOON.plus(5 * DAY)).await;
    let again = over(link, 10..16);
    ingest(store, ours, &again).await;
    clicks.extend(again);
    compare(store, ours, &clicks, "counted again").await;
    assert_eq!(differences().await, []);
}

pub async fn several_values_of_one_click_are_counted_from_clicks(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await.id;
    count(store, ours, &["ref"], NOON).await;
    let at = |number: i64| NOON.plus(DAY + number);
    let clicks = [with(&["a"], click(link, at(0))), with(&["b", "b"], click(link, at(1))), with(&["c", "d"], click(link, at(2)))];
    ingest(store, ours, &clicks).await;
    let scope = read(store, ours).await;
    let request = BreakdownRequest { key: Some("ref".into()), ..BreakdownRequest::new(Dimension::Parameter, ClickFilter::default(), 100) };
    let found = scope.breakdown(&request).await.unwrap();
    let row = |value: &str| BreakdownRow { value: DimensionValue::Text(value.into()), clicks: 1, previous: None };
    assert_eq!(found.rows, [row("a"), row("b")]);
    assert_eq!((found.capped, found.total, found.other, found.source), (true, 3, 1, Source::Rollup));
    // A filter finds it by either value.
    for value in ["c", "d"] {
        let totals = scope.totals(&of_ref(&[Some(value)]).into()).await.unwrap();
        assert_eq!((totals.tally.counts.human, totals.source), (1, Source::Clicks), "{value}");
    }
}
