//! Ages of links, hours of the week and the totals of many links, from cells, against the same clicks in memory.

use std::collections::BTreeMap;

use domain::{
    ClickFilter, ClickProperties, CohortPeriod, LinkId, LocalDay, MAX_AGE_DAYS, Millis, Quarter, Verdict, WeekHour, last_periods,
};
use jiff::tz::TimeZone;
use store::{Access, AgedClicks, Source, Store};

use crate::fixture::{Database, NOON, click, ingest, link, new_link, read, workspace};
use crate::told::{DAY, HOUR, Told, ZONES};

/// Of links that were made at noon.
async fn check_ages(told: &Told, filter: &ClickFilter, own: &TimeZone) -> Source {
    let edges = last_periods(CohortPeriod::Week, own, NOON.plus(DAY), 2);
    let cohort = edges.partition_point(|edge| *edge <= NOON).checked_sub(1).filter(|cohort| *cohort < 2);
    let made = LocalDay::of(NOON, own).0;
    let mut wanted: BTreeMap<i32, u64> = BTreeMap::new();
    for click in told.counted(&filter.with_default_verdicts(&[Verdict::Human])) {
        let age = LocalDay::of(click.occurred_at(), own).0 - made;
        if age >= -1 {
            *wanted.entry(age.max(0)).or_default() += 1;
        }
    }
    let aged = |(days, clicks): (i32, u64)| AgedClicks { cohort, days: u32::try_from(days).ok(), clicks };
    let found = read(&told.store, told.workspace).await.link_ages(filter, &edges).await.unwrap();
    assert_eq!(found.clicks, wanted.into_iter().map(aged).collect::<Vec<_>>(), "{filter:?}");
    found.source
}

async fn check_week(told: &Told, filter: &ClickFilter, zone: &TimeZone) -> Source {
    let mut wanted = vec![0_u64; WeekHour::COUNT];
    for click in told.counted(&filter.with_default_verdicts(&[Verdict::Human])) {
        wanted[WeekHour::of(Quarter::of(click.occurred_at()), zone).index()] += 1;
    }
    let found = read(&told.store, told.workspace).await.week_hours(filter, zone).await.unwrap();
    assert_eq!(found.clicks, wanted, "{zone:?} {filter:?}");
    found.source
}

async fn check_links(told: &Told, filter: &ClickFilter) -> Source {
    let scope = read(&told.store, told.workspace).await;
    let links = told.drawn.links();
    let found = scope.totals_of_links(filter, &links).await.unwrap();
    assert_eq!(found.len(), links.len());
    let mut source = Source::Clicks;
    for link in links {
        let mut of_link = filter.clone();
        of_link.include.links = vec![link];
        let (alone, beside) = (scope.totals(&of_link).await.unwrap(), found[&link]);
        assert_eq!((alone.tally, alone.data_from, alone.head), (beside.tally, beside.data_from, beside.head), "{of_link:?}");
        assert_eq!(alone.source, beside.source, "{of_link:?}");
        source = beside.source;
    }
    source
}

pub async fn hours_ages_and_links_are_those_of_the_clicks(database: &Database) {
    let mut sources: BTreeMap<&str, u32> = BTreeMap::new();
    for (seed, own) in ZONES.into_iter().enumerate() {
        let told = Told::of(database, 80 + seed as u64, own).await;
        let own = TimeZone::get(own).unwrap();
        for _ in 0..30 {
            let filter = told.filter(&own);
            let zone = TimeZone::get(told.drawn.one(&["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"])).unwrap();
            let mut note = |what, source| *sources.entry(what).or_default() += u32::from(source == Source::Rollup);
            note("ages", check_ages(&told, &filter, &own).await);
            note("hours", check_week(&told, &filter, &zone).await);
            note("links", check_links(&told, &filter).await);
        }
    }
    assert!(sources.values().all(|by_cells| *by_cells > 30), "these questions tell nothing of cells: {sources:?}");
}

async fn link_made_at(store: &Store, workspace: domain::WorkspaceId, slug: &str, at: Millis) -> LinkId {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let made = scope.create_link(&new_link(slug), at).await.unwrap();
    scope.commit().await.unwrap();
    made.id
}

/// A link is as old as the days of the workspace's zone that began since the one it was made on.
pub async fn links_have_ages_in_local_days(store: &Database) {
    let ours = workspace(store, "ours").await;
    // Of January, February, and long before; each made at noon.
    let made = [NOON.plus(-45 * DAY), NOON.plus(-10 * DAY), NOON.plus(-400 * DAY)];
    let mut links = Vec::new();
    for (slug, at) in ["jan", "feb", "old"].into_iter().zip(made) {
        links.push(link_made_at(store, ours, slug, at).await);
    }
    let at = |link: usize, days: i64, hours: i64| click(links[link], made[link].plus(days * DAY + hours * HOUR));
    let clicks = [
        // By a clock that was behind, on the day before too; and from when there was no such link.
        at(0, 0, -5),
        at(0, -1, 0),
        at(0, -2, 11),
        at(0, -300, 0),
        at(0, 0, 11),
        at(0, 0, 12),
        at(0, 1, 11),
        at(1, 3, 7),
        at(1, 3, 8),
        at(2, MAX_AGE_DAYS, 11),
        at(2, MAX_AGE_DAYS, 12),
        at(2, 350, 0),
    ];
    ingest(store, ours, &clicks).await;
    let edges = last_periods(CohortPeriod::Month, &TimeZone::UTC, NOON, 3);
    let aged = |cohort, days, clicks| AgedClicks { cohort, days, clicks };
    let mut wanted =
        vec![aged(Some(0), Some(0), 3), aged(Some(0), Some(1), 2), aged(Some(1), Some(3), 2), aged(None, Some(90), 1), aged(None, None, 2)];
    wanted.sort_unstable();
    let ages = async |workspace, properties: ClickProperties| {
        let found = read(store, workspace).await.link_ages(&properties.into(), &edges).await.unwrap();
        (found.clicks, found.links, found.source)
    };
    let any = ClickProperties::default;
    assert_eq!(ages(ours, any()).await, (wanted.clone(), vec![1, 1, 0], Source::Rollup));
    let of_one = ages(ours, ClickProperties { links: vec![links[1]], ..any() }).await;
    assert_eq!(of_one, (vec![aged(Some(1), Some(3), 2)], vec![0, 1, 0], Source::Rollup));
    let of_germany = ClickProperties { countries: vec![Some("DE".into())], ..any() };
    assert_eq!(ages(ours, of_germany.clone()).await, (wanted.clone(), vec![1, 1, 0], Source::Rollup));
    let of_two = ClickProperties { browsers: vec![Some("Firefox".into())], ..of_germany };
    assert_eq!(ages(ours, of_two).await, (wanted.clone(), vec![1, 1, 0], Source::Clicks));
    let theirs = workspace(store, "theirs").await;
    assert_eq!(ages(theirs, any()).await, (vec![], vec![0, 0, 0], Source::Rollup));
    // They stay when clicks go.
    store.execute("DELETE FROM clicks").await;
    assert_eq!(ages(ours, any()).await.0, wanted);
}

/// Hours by dimension are kept for 90 days, quarter-hours of links for ever.
pub async fn weeks_of_several_links_are_told_for_ever(store: &Database) {
    let ours = workspace(store, "ours").await;
    let links = [link(store, ours, "a").await.id, link(store, ours, "b").await.id, link(store, ours, "c").await.id];
    let clicks: Vec<domain::Click> = links.iter().flat_map(|link| (0..5).map(|hour| click(*link, NOON.plus(hour * HOUR)))).collect();
    ingest(store, ours, &clicks).await;
    store.execute("DELETE FROM clicks").await;
    let filter = ClickFilter::from(ClickProperties { links: links[..2].to_vec(), ..ClickProperties::default() });
    let by_hour = async || {
        let found = read(store, ours).await.week_hours(&filter, &TimeZone::UTC).await.unwrap();
        assert_eq!(found.source, Source::Rollup);
        found.clicks.into_iter().filter(|clicks| *clicks > 0).collect::<Vec<_>>()
    };
    assert_eq!(by_hour().await, [2; 5]);
    // As a fold leaves it.
    store.execute("DELETE FROM rollup_cells WHERE grain = 1").await;
    store.execute("UPDATE workspace_heads SET folded_before = 2000000").await;
    assert_eq!(by_hour().await, [2; 5]);
}
