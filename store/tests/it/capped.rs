//! Ranges that are compared where cells have more values than they name.

use domain::{Click, ClickFilter, Dimension};
use store::{BreakdownOrder, BreakdownOrderField, BreakdownRequest, Source, Store};

use crate::fixture::{NOON, click, ingest, link, read, workspace};

pub async fn what_the_other_range_hides_is_not_told_as_nothing(store: &Store) {
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
}
