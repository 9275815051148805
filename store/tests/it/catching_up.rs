//! Cells of a workspace from before there were dimensions, made while clicks come.

use domain::Quarter;
use store::Source;

use crate::fixture::{Database, NOON, click, ingest, link};
use crate::recounts::{DAY, DAYS, assert_clean, assert_countries, berlin, by_days, midnight, rows_alone, spread};

pub async fn a_workspace_from_before_catches_up_while_clicks_come(database: &Database) {
    let store = &database.store;
    let ours = berlin(store, "ours").await;
    let links = [link(store, ours, "a").await.id, link(store, ours, "b").await.id];
    assert_eq!(store.catch_up_rollups(ours).await.unwrap(), None);
    // As the migration leaves whoever had clicks.
    database.execute("UPDATE workspace_heads SET dimensions_from = 9223372036854775807").await;
    assert_eq!(store.catch_up_rollups(ours).await.unwrap(), None);
    let mut clicks = spread(links, 300, 5);
    ingest(store, ours, &clicks).await;
    assert_eq!(database.number("SELECT count(*) FROM rollup_cells WHERE grain > 0").await, 0);
    let before = by_days(store, ours).await;
    assert!(before.iter().all(|(_, total, source)| *total > 3 && *source == Source::Clicks), "{before:?}");
    assert_clean(store, ours).await;
    let before = rows_alone(before);

    // The last day first; a day before that does not join on changes nothing but its own quarter-hours.
    assert_eq!(store.rebuild_rollups(ours, midnight(3)).await.unwrap().unwrap().day.start(), midnight(2));
    assert_eq!(database.number("SELECT count(*) FROM rollup_cells WHERE grain > 0").await, 0);
    let first = store.catch_up_rollups(ours).await.unwrap().unwrap();
    assert_eq!(first.day.start(), midnight(10));
    let second = store.catch_up_rollups(ours).await.unwrap().unwrap();
    assert_eq!(second.day.start(), midnight(9));
    assert_eq!(rows_alone(by_days(store, ours).await), before);
    assert_clean(store, ours).await;

    // Clicks of days that are done, that are not, and of a new one, while two processes go on.
    let at_work: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { while store.catch_up_rollups(ours).await.unwrap().is_some() {} })
        })
        .collect();
    for seed in 10..25 {
        let mut new = spread(links, 8, seed);
        new.push(click(links[0], NOON.plus((DAYS + 2) * DAY)));
        ingest(store, ours, &new).await;
        clicks.extend(new);
    }
    for task in at_work {
        task.await.unwrap();
    }
    // Where one was stored that nobody looked for any more.
    while store.catch_up_rollups(ours).await.unwrap().is_some() {}
    assert_clean(store, ours).await;
    assert_countries(store, ours, &clicks).await;
    assert!(by_days(store, ours).await.iter().all(|(_, _, source)| *source == Source::Rollup));
    assert_eq!(database.number("SELECT max(dimensions_from) FROM workspace_heads").await, Quarter::of(midnight(0)).0);
}
