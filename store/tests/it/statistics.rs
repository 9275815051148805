//! Experiments, campaigns, cohorts and last touch against the same clicks counted in memory.

use std::collections::{BTreeMap, HashSet};

use domain::{Click, ClickFilter, ClickRule, CohortPeriod, Millis, RuleId, Tried, Utm, Verdict, VisitorKey, WorkspaceId, last_periods};
use jiff::tz::TimeZone;
use platform::Rng;
use platform::config::Database as DatabaseUrl;
use store::{Returned, Touch, UtmField};

use crate::fixture::{Database, NOON, click, ingest, link, read, workspace};

const DAY: i64 = 24 * 3_600_000;

/// A conversion past the store, since only the worker's role may write them.
pub async fn convert(database: &Database, workspace: WorkspaceId, of: &Click, event: &str, name: &str, at: Millis, amount: Option<i64>) {
    let sql = "INSERT INTO conversions (workspace_id, event_id, click_id, link_id, name, amount, currency, occurred_at, received_at, source) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1)";
    let currency = amount.map(|_| "EUR");
    macro_rules! insert {
        ($pool:expr) => {
            sqlx::query(sql)
                .bind(workspace.0)
                .bind(event)
                .bind(of.id.0)
                .bind(of.link.0)
                .bind(name)
                .bind(amount)
                .bind(currency)
                .bind(at.0)
                .execute($pool)
                .await
                .unwrap()
        };
    }
    match &database.url {
        DatabaseUrl::Postgres(_) => drop(insert!(&database.postgres_pool().await)),
        DatabaseUrl::Sqlite(_) => {
            let pool = database.sqlite_pool().await;
            insert!(&pool);
            pool.close().await;
        }
    }
}

fn by(visitor: &str, recipe: i16, click: Click) -> Click {
    Click { visitor: Some(VisitorKey { key: visitor.into(), recipe }), ..click }
}

fn from(source: &str, click: Click) -> Click {
    Click { utm: Utm { source: Some(source.into()), ..Utm::default() }, ..click }
}

pub async fn each_click_of_a_variant_converts_once(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b) = (link(store, ours, "a").await.id, link(store, ours, "b").await.id);
    let rules = [RuleId::new(NOON, [1; 10]), RuleId::new(NOON, [2; 10])];
    let of = |link, rule: usize, variant: &str, at: i64| Click {
        rule: Some(ClickRule { id: rules[rule], name: "Rule".into(), variant: Some(variant.into()) }),
        ..click(link, NOON.plus(at))
    };
    let met: Vec<Click> = (0..10).map(|at| of(a, 0, if at < 6 { "A" } else { "B" }, at)).collect();
    let bot = Click { verdict: Verdict::Bot, ..of(a, 0, "A", 20) };
    let others = [bot.clone(), of(b, 0, "A", 21), of(a, 1, "A", 22), click(a, NOON.plus(23))];
    ingest(store, ours, &[met.clone(), others.to_vec()].concat()).await;
    convert(store, ours, &met[0], "1", "order", NOON, None).await;
    convert(store, ours, &met[0], "2", "order", NOON, None).await;
    convert(store, ours, &met[1], "3", "sign-up", NOON, None).await;
    convert(store, ours, &met[7], "4", "order", NOON, None).await;
    convert(store, ours, &bot, "5", "order", NOON, None).await;
    let tried = async |workspace, name| {
        let mut found = read(store, workspace).await.variants_tried(a, rules[0], name).await.unwrap();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found
    };
    let variants = |a, b| vec![("A".to_owned(), Tried::new(6, a)), ("B".to_owned(), Tried::new(4, b))];
    assert_eq!(tried(ours, None).await, variants(2, 1));
    assert_eq!(tried(ours, Some("order")).await, variants(1, 1));
    assert_eq!(tried(ours, Some("none")).await, variants(0, 0));
    assert_eq!(tried(theirs, None).await, []);
}

pub async fn campaigns_have_their_clicks_and_conversions(store: &Database) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let without = |at| Click { utm: Utm::default(), ..click(a, NOON.plus(at)) };
    let clicks: Vec<Click> = (0..9)
        .map(|at| match at {
            0..4 => from("mail", click(a, NOON.plus(at))),
            4..7 => from("Ads", click(a, NOON.plus(at))),
            _ => without(at),
        })
        .collect();
    ingest(store, ours, &clicks).await;
    for (event, of) in [("1", 0), ("2", 4), ("3", 5), ("4", 8)] {
        convert(store, ours, &clicks[of], event, "order", NOON, None).await;
    }
    let scope = read(store, ours).await;
    let found = scope.campaigns(UtmField::Source, &ClickFilter::default(), None, 10).await.unwrap();
    let row = |value: Option<&str>, clicks, converted| (value.map(str::to_owned), Tried::new(clicks, converted));
    assert_eq!(found.rows, [row(Some("mail"), 4, 1), row(Some("Ads"), 3, 2), row(None, 2, 1)]);
    assert_eq!((found.all, found.data_from), (Tried::new(9, 4), NOON));
    let cut = ClickFilter { from: Some(NOON.plus(4)), ..ClickFilter::default() };
    let found = scope.campaigns(UtmField::Source, &cut, Some("order"), 1).await.unwrap();
    assert_eq!((found.rows, found.all), (vec![row(Some("Ads"), 3, 2)], Tried::new(5, 3)));
    let found = scope.campaigns(UtmField::Term, &cut, None, 10).await.unwrap();
    assert_eq!(found.rows, [row(None, 5, 3)]);
    let none = ClickFilter { from: Some(NOON.plus(DAY)), ..ClickFilter::default() };
    let found = scope.campaigns(UtmField::Campaign, &none, None, 10).await.unwrap();
    assert_eq!((found.rows, found.all), (vec![], Tried::new(0, 0)));
}

pub async fn visitors_return_as_a_plain_count_says(store: &Database) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let edges = last_periods(CohortPeriod::Week, &TimeZone::UTC, NOON, 4);
    let filter = ClickFilter::default();
    assert_eq!(read(store, ours).await.returned(&filter, &edges).await.unwrap(), None);
    let rng = Rng::seeded(3);
    let begin = edges[0].0 - 7 * DAY;
    let span = u64::try_from(NOON.0 - begin).unwrap();
    let clicks: Vec<Click> = (0..300)
        .map(|_| {
            let at = Millis(begin + i64::try_from(rng.below(span)).unwrap());
            let recipe = if rng.below(4) == 0 { 1 } else { 2 };
            let verdict = if rng.below(5) == 0 { Verdict::Bot } else { Verdict::Human };
            by(&format!("v{}", rng.below(90)), recipe, Click { verdict, ..click(a, at) })
        })
        .collect();
    ingest(store, ours, &clicks).await;
    let consented = clicks.iter().filter(|click| click.verdict == Verdict::Human && click.visitor.as_ref().is_some_and(|v| v.recipe == 2));
    let mut seen: BTreeMap<&str, HashSet<i64>> = BTreeMap::new();
    for click in consented {
        let period = edges.iter().filter(|edge| **edge <= click.id.made_at()).count() as i64 - 1;
        seen.entry(&click.visitor.as_ref().unwrap().key).or_default().insert(period);
    }
    let mut counts: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for periods in seen.values() {
        if let Ok(cohort) = usize::try_from(*periods.iter().min().unwrap()) {
            periods.iter().for_each(|period| *counts.entry((cohort, usize::try_from(*period).unwrap())).or_default() += 1);
        }
    }
    let wanted: Vec<Returned> = counts.into_iter().map(|((cohort, period), visitors)| Returned { cohort, period, visitors }).collect();
    assert!(wanted.len() > 6, "{wanted:?}");
    assert_eq!(read(store, ours).await.returned(&filter, &edges).await.unwrap(), Some(wanted));
}

pub async fn the_last_touch_before_a_conversion_is_credited(store: &Database) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let at = |days: i64| NOON.plus(days * DAY);
    let plain = |days: i64| Click { utm: Utm::default(), ..click(a, at(days)) };
    let clicks = [
        // One visitor who consented: mail, ads, then directly, which converts.
        by("v", 2, from("mail", click(a, at(-9)))),
        by("v", 2, from("ads", click(a, at(-5)))),
        by("v", 2, plain(-4)),
        // A bot of the same visitor, and a touch after the conversion, are none.
        by("v", 2, Click { verdict: Verdict::Bot, ..from("bot", click(a, at(-3))) }),
        by("v", 2, from("late", click(a, at(-1)))),
        // The same key of a day is somebody else.
        by("v", 1, from("day", click(a, at(-3)))),
        // Told by nobody: by its own campaign, and by none.
        from("own", click(a, at(-2))),
        plain(-2),
        // So long ago that it is no touch any more.
        by("w", 2, from("ages", click(a, at(-100)))),
        by("w", 2, plain(-2)),
    ];
    ingest(store, ours, &clicks).await;
    for (event, of, days, amount) in
        [("1", 2, -2, Some(1_000)), ("2", 2, 0, Some(50)), ("3", 6, -1, None), ("4", 7, -1, Some(7)), ("5", 9, -1, None)]
    {
        convert(store, ours, &clicks[of], event, "order", at(days), amount).await;
    }
    let scope = read(store, ours).await;
    let found = scope.last_touch(&ClickFilter::default(), Some("order")).await.unwrap();
    let rows: Vec<(Option<&str>, u64, u64, Option<i128>)> = found
        .rows
        .iter()
        .map(|(touch, credit)| (touch.source.as_deref(), credit.conversions, credit.direct, credit.values.get("EUR").map(|m| m.minor)))
        .collect();
    let wanted = [(None, 2, 2, Some(7)), (Some("ads"), 1, 0, Some(1_000)), (Some("late"), 1, 0, Some(50)), (Some("own"), 1, 1, None)];
    assert_eq!(rows, wanted);
    assert_eq!(scope.last_touch(&ClickFilter::default(), Some("other")).await.unwrap().rows, []);
    assert_eq!(found.rows[0].0, Touch::default());
}
