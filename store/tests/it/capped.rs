//! Cells with more values than they name.

use domain::{Click, ClickFilter, Dimension, Quarter, Verdict, VerdictReason};
use store::{BreakdownOrder, BreakdownOrderField, BreakdownRequest, Rejudged, Source, Store};

use crate::fixture::{NOON, click, ingest, link, read, workspace};

pub async fn values_beyond_the_most_are_counted_as_others(store: &Store) {
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
    // Compared with that day, a city that it does not name may have had clicks there.
    let day = 24 * 3_600_000;
    let later = |city: Option<&str>| {
        let mut click = click(link, NOON.plus(day));
        click.place.city = city.map(str::to_owned);
        click
    };
    ingest(store, ours, &[later(Some("City 0000")), later(Some("City 1099")), later(None)]).await;
    let between = |from: i64, to: i64| ClickFilter { from: Some(NOON.plus(from)), to: Some(NOON.plus(to)), ..ClickFilter::default() };
    let (first, second) = (between(-day / 2, day / 2), between(day / 2, day * 3 / 2));
    let compared = async |filter: &ClickFilter, other: &ClickFilter, field| {
        let order = BreakdownOrder { field, ..BreakdownOrder::default() };
        let request = BreakdownRequest { compared: Some(other.clone()), order, ..request(filter.clone()) };
        let found = read(store, ours).await.breakdown(&request).await.unwrap();
        assert!(found.capped && found.source == Source::Rollup, "{found:?}");
        found.rows.into_iter().map(|row| (row.value.text(), row.clicks, row.previous)).collect::<Vec<_>>()
    };
    let named = |name: &str| Some(name.to_owned());
    let (known, hidden, none) = ((named("City 0000"), 1, Some(1)), (named("City 1099"), 1, None), (None, 1, Some(0)));
    let rows = compared(&second, &first, BreakdownOrderField::Clicks).await;
    assert_eq!(rows, [known.clone(), hidden.clone(), none.clone()]);
    // What is known to have changed comes before what is not, and what the first day alone names is lost.
    let rows = compared(&second, &first, BreakdownOrderField::Change).await;
    assert_eq!(rows[..3], [none, known, hidden]);
    assert_eq!((rows.len(), &rows[3]), (500, &(named("City 0001"), 0, Some(1))));
    // The other way round nothing says that the last city has none.
    let rows = compared(&first, &second, BreakdownOrderField::Change).await;
    assert!(rows.iter().all(|(city, clicks, _)| *clicks > 0 || city.is_none()), "{rows:?}");
    // A city that no cell names is counted all the same where it is asked for.
    let cities = vec![Some("City 1099".to_owned()), Some("City 0000".to_owned())];
    let filter = ClickFilter::from(domain::ClickProperties { cities, ..domain::ClickProperties::default() });
    let totals = read(store, ours).await.totals(&filter).await.unwrap();
    assert_eq!((totals.tally.counts.human, totals.source), (4, Source::Clicks));
    let verified = read(store, ours).await.verify_cells(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 2)).await.unwrap();
    assert_eq!(verified.differences, []);
    // What has no place of its own can be judged again and erased as well.
    let last = clicks.last().unwrap();
    let anew = Rejudged { click: last.id, verdict: Verdict::Bot, reason: VerdictReason::Burst, rules_version: 9, derived: None };
    store.rejudge(ours, &[anew]).await.unwrap();
    let verified = read(store, ours).await.verify_cells(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 2)).await.unwrap();
    assert_eq!(verified.differences, []);
}
