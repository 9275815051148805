//! Texts of counted parameters go with the last count that has them.

use domain::{Click, ClickFilter, Dimension, ErasureId, LinkId, Millis, Parameter, Quarter, VisitorKey, WorkspaceId};
use platform::Rng;
use store::{Access, BreakdownRequest, FreshSalt, NewErasure, Source, Store, Subject};

use crate::fixture::{Database, NOON, click, ingest, link, read, workspace};

const DAY: i64 = 24 * 3_600_000;

async fn count(store: &Store, workspace: WorkspaceId, names: &[&str], now: Millis) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.lock_counted_parameters().await.unwrap();
    scope.set_counted_parameters(&names, now).await.unwrap();
    scope.commit().await.unwrap();
}

fn by(visitor: &str, value: &str, link: LinkId, at: i64) -> Click {
    let parameters = vec![Parameter { key: "ref".into(), value: value.into() }];
    let visitor = Some(VisitorKey { key: visitor.into(), recipe: 2 });
    Click { parameters, visitor, ..click(link, NOON.plus(DAY + at)) }
}

async fn erase(store: &Store, workspace: WorkspaceId, subject: Subject) -> u64 {
    let erasure = NewErasure { id: ErasureId::new(NOON, Rng::System.entropy()), subject, from: Millis(0), before: NOON.plus(9 * DAY) };
    store.begin_erasures(workspace, std::slice::from_ref(&erasure), FreshSalt([7; 32]), NOON).await.unwrap();
    let mut clicks = 0;
    loop {
        let step = store.erase_step(workspace, erasure.id, FreshSalt([7; 32]), NOON).await.unwrap();
        clicks += step.clicks;
        if !step.more {
            return clicks;
        }
    }
}

async fn erase_visitor(store: &Store, workspace: WorkspaceId, visitor: &str) -> u64 {
    erase(store, workspace, Subject::Visitor(VisitorKey { key: visitor.into(), recipe: 2 })).await
}

/// How many rows have this text.
async fn known(database: &Database, text: &str) -> i64 {
    database.number(&format!("SELECT count(*) FROM rollup_values WHERE value = '{text}'")).await
}

async fn differences(store: &Store, workspace: WorkspaceId) -> Vec<store::CellDifference> {
    let days = (Quarter::of(NOON.plus(-DAY)), Quarter::of(NOON.plus(9 * DAY)));
    read(store, workspace).await.verify_cells(days.0, days.1).await.unwrap().differences
}

/// The values with their clicks, and where they come from.
async fn told(store: &Store, workspace: WorkspaceId) -> (Vec<(Option<String>, u64)>, Source) {
    let filter = ClickFilter { from: Some(NOON.plus(DAY / 2)), ..ClickFilter::default() };
    let request = BreakdownRequest { key: Some("ref".into()), ..BreakdownRequest::new(Dimension::Parameter, filter, 10) };
    let found = read(store, workspace).await.breakdown(&request).await.unwrap();
    (found.rows.iter().map(|row| (row.value.text(), row.clicks)).collect(), found.source)
}

pub async fn a_text_goes_with_the_last_click_that_has_it(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b, c) = (link(store, ours, "a").await.id, link(store, ours, "b").await.id, link(store, theirs, "c").await.id);
    count(store, ours, &["ref"], NOON).await;
    count(store, theirs, &["ref"], NOON).await;
    // Another process, which remembers the numbers that it has met.
    let other = Store::connect(&store.url).await.unwrap();
    ingest(store, ours, &[by("v", "ada", a, 0), by("w", "eve", a, 1), by("v", "both", a, 2)]).await;
    ingest(&other, ours, &[by("v", "ada", b, 3 * 3_600_000), by("w", "both", b, DAY)]).await;
    ingest(store, theirs, &[by("v", "ada", c, 0)]).await;
    assert_eq!(erase_visitor(store, ours, "v").await, 3);
    assert_eq!((known(store, "ada").await, known(store, "both").await, known(store, "eve").await), (1, 1, 1));
    assert_eq!(store.number("SELECT count(*) FROM rollup_values WHERE doubtful = 1").await, 0);
    assert_eq!(told(store, theirs).await.0, [(Some("ada".into()), 1)]);
    let rows = |rows: &[(&str, u64)]| rows.iter().map(|(value, clicks)| (Some((*value).to_owned()), *clicks)).collect::<Vec<_>>();
    assert_eq!(told(store, ours).await, (rows(&[("both", 1), ("eve", 1)]), Source::Rollup));
    assert_eq!(differences(store, ours).await, []);
    // It comes again, in either process.
    ingest(&other, ours, &[by("x", "ada", a, DAY + 1)]).await;
    ingest(store, ours, &[by("x", "ada", b, DAY + 2)]).await;
    assert_eq!(told(store, ours).await, (rows(&[("ada", 2), ("both", 1), ("eve", 1)]), Source::Rollup));
    assert_eq!((differences(store, ours).await, known(store, "ada").await), (vec![], 2));
    // With a link's past, also where its clicks are gone by now.
    store.execute("DELETE FROM clicks WHERE parameters LIKE '%eve%'").await;
    assert_eq!(erase(store, ours, Subject::History(a)).await, 1);
    assert_eq!((known(store, "eve").await, known(store, "ada").await), (0, 2));
    assert_eq!(erase(store, ours, Subject::History(b)).await, 2);
    assert_eq!((known(store, "both").await, known(store, "ada").await), (0, 1));
    assert_eq!(differences(store, ours).await, []);
    other.close().await;
}

pub async fn a_text_among_the_others_goes_where_that_can_be_told(store: &Database) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    count(store, ours, &["ref"], NOON).await;
    let many: Vec<Click> = (0..1_000).map(|number| by("w", &format!("n{number}"), a, number)).collect();
    ingest(store, ours, &many[..900]).await;
    // Those that fill a cell have numbers all the same; what comes when it is full has none.
    let others = [by("v", "ada", a, 2_000), by("v", "both", a, 2_001), by("w", "both", a, 2_002), by("x", "late", a, 2_003)];
    ingest(store, ours, &[&many[900..], &others].concat()).await;
    ingest(store, ours, &[by("w", "never", a, 2_004)]).await;
    assert_eq!((known(store, "late").await, known(store, "never").await), (1, 0));
    assert!(
        read(store, ours)
            .await
            .breakdown(&BreakdownRequest {
                key: Some("ref".into()),
                ..BreakdownRequest::new(Dimension::Parameter, ClickFilter { from: Some(NOON.plus(DAY / 2)), ..ClickFilter::default() }, 1)
            })
            .await
            .unwrap()
            .capped
    );
    assert_eq!(erase_visitor(store, ours, "v").await, 2);
    assert_eq!((known(store, "ada").await, known(store, "both").await), (0, 1));
    // Of a day whose clicks are gone nobody can tell what is among the others.
    store.keep_clicks_from(ours, NOON.plus(DAY + 2_003)).await.unwrap();
    assert_eq!(erase_visitor(store, ours, "x").await, 1);
    assert_eq!(known(store, "late").await, 1);
}

pub async fn texts_go_once_their_parameter_is_not_counted_any_more(store: &Database) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    count(store, ours, &["ref"], NOON).await;
    ingest(store, ours, &[by("v", "ada", a, 0), by("w", "eve", a, 1), by("w", "eve", a, DAY)]).await;
    assert!(!store.forget_uncounted(ours, NOON.plus(5 * DAY)).await.unwrap());
    count(store, ours, &["unused"], NOON.plus(DAY)).await;
    // It is counted until midnight.
    assert!(!store.forget_uncounted(ours, NOON.plus(DAY)).await.unwrap());
    assert_eq!(known(store, "ada").await, 1);
    let before = told(store, ours).await;
    assert_eq!(before.1, Source::Clicks);
    assert!(store.forget_uncounted(ours, NOON.plus(2 * DAY)).await.unwrap());
    assert!(!store.forget_uncounted(ours, NOON.plus(2 * DAY)).await.unwrap());
    assert_eq!((known(store, "ada").await, known(store, "eve").await), (0, 0));
    assert_eq!((told(store, ours).await, differences(store, ours).await), (before, vec![]));
    // What is late, judged again or erased changes cells that have what nobody reads.
    ingest(store, ours, &[by("v", "ada", a, 2)]).await;
    assert_eq!(erase_visitor(store, ours, "v").await, 2);
    assert_eq!((known(store, "ada").await, differences(store, ours).await), (0, vec![]));
    // Back in, in a block of its own.
    count(store, ours, &["ref", "unused"], NOON.plus(2 * DAY)).await;
    ingest(store, ours, &[by("w", "eve", a, 3 * DAY)]).await;
    assert_eq!((known(store, "eve").await, differences(store, ours).await), (1, vec![]));
    let rebuilt = store.rebuild_rollups(ours, NOON.plus(DAY + 5)).await.unwrap();
    assert!(rebuilt.is_some());
    assert_eq!((known(store, "eve").await, differences(store, ours).await), (1, vec![]));
}
