//! Conversions and engagements: told of, kept once, and gone with their clicks.

use domain::{
    AttributionDays, Click, ClickFilter, ConversionDraft, ConversionSource, ErasureId, LinkId, Millis, NewConversion, VisitorKey,
    WorkspaceId,
};
use platform::Rng;
use store::{Access, Conflict, ConversionQuestion, Engaged, FreshSalt, NewErasure, Store, StoreError, Subject, Tracked};

use crate::fixture::{Database, NOON, click, ingest, link, read, workspace};

const DAY: i64 = 24 * 3_600_000;

pub fn conversion(click: &Click, event: &str, name: &str, at: Millis) -> NewConversion {
    let (click_id, event_id, name) = (click.id.to_string(), event.to_owned(), Some(name.to_owned()));
    let draft = ConversionDraft { click_id, event_id, name, occurred_at: Some(at), ..ConversionDraft::default() };
    draft.check(ConversionSource::Api, at).unwrap()
}

/// A conversion of that click, at once.
pub async fn convert(store: &Store, workspace: WorkspaceId, click: &Click, event: &str) {
    let new = conversion(click, event, "sale", click.occurred_at());
    assert!(matches!(store.track_conversion(workspace, &new).await.unwrap(), Tracked::Stored(_)));
}

async fn one_click(store: &Store, name: &str) -> (WorkspaceId, Click) {
    let ours = workspace(store, name).await;
    let click = click(link(store, ours, name).await.id, NOON);
    ingest(store, ours, std::slice::from_ref(&click)).await;
    (ours, click)
}

/// Of all names.
pub async fn conversions(store: &Store, workspace: WorkspaceId) -> u64 {
    let question = ConversionQuestion { filter: ClickFilter::default(), name: None };
    read(store, workspace).await.conversion_totals(&question).await.unwrap().conversions
}

async fn rows(store: &Database, workspace: WorkspaceId) -> (i64, i64) {
    let of = async |table| store.count(table, "workspace_id", workspace.0).await;
    (of("conversions").await, of("engagements").await)
}

pub async fn an_event_is_one_conversion_however_often_it_is_told_of(store: &Store) {
    let ((ours, first), (theirs, foreign)) = (one_click(store, "ours").await, one_click(store, "theirs").await);
    let other = click(first.link, NOON.plus(1));
    ingest(store, ours, std::slice::from_ref(&other)).await;
    let mut new = conversion(&first, "order-1", "sale", NOON.plus(5));
    new.value = Some(domain::Money::parse("19.90", domain::Currency::parse("EUR").unwrap()).unwrap());
    let Tracked::Stored(stored) = store.track_conversion(ours, &new).await.unwrap() else { panic!("it is new") };
    assert_eq!((stored.click, stored.link, stored.value, stored.name.as_str()), (first.id, first.link, new.value, "sale"));
    assert_eq!((stored.occurred_at, stored.source), (NOON.plus(5), ConversionSource::Api));
    // Whatever else is said of it the second time, also after its time.
    let again = conversion(&first, "order-1", "other", NOON.plus(100 * DAY));
    assert_eq!(store.track_conversion(ours, &again).await.unwrap(), Tracked::Duplicate(stored));
    let refused = store.track_conversion(ours, &conversion(&other, "order-1", "sale", NOON.plus(5))).await;
    assert!(matches!(refused, Err(StoreError::Conflict(Conflict::Event))), "{refused:?}");
    // Another workspace has events of its own, and no click of this one.
    let refused = store.track_conversion(theirs, &conversion(&first, "order-2", "sale", NOON.plus(5))).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    convert(store, theirs, &foreign, "order-1").await;
    assert_eq!((conversions(store, ours).await, conversions(store, theirs).await), (1, 1));
    for (click, owner) in [(first.id, Some(ours)), (foreign.id, Some(theirs)), (click(first.link, NOON).id, None)] {
        assert_eq!(store.workspace_of_click(click).await.unwrap(), owner);
    }
    assert_eq!(store.engage(ours, first.id, NOON).await.unwrap(), Engaged::Stored);
    assert_eq!(store.engage(ours, first.id, NOON.plus(1)).await.unwrap(), Engaged::Duplicate);
    assert!(matches!(store.engage(theirs, first.id, NOON).await, Err(StoreError::NotFound)));
    let kept = read(store, ours).await.engagements_after(None, 9).await.unwrap();
    assert_eq!(kept.iter().map(|kept| (kept.click, kept.engaged_at)).collect::<Vec<_>>(), [(first.id, NOON)]);
}

pub async fn a_conversion_is_of_its_clicks_time(store: &Store) {
    let (ours, click) = one_click(store, "ours").await;
    let track = async |event: &str, at: Millis| {
        let tracked = store.track_conversion(ours, &conversion(&click, event, "sale", at)).await.unwrap();
        matches!(tracked, Tracked::Stored(_))
    };
    assert!(!track("before", NOON.plus(-1)).await && track("at", NOON).await);
    assert!(track("last", NOON.plus(30 * DAY)).await && !track("late", NOON.plus(30 * DAY + 1)).await);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.set_attribution_days(AttributionDays::parse(1).unwrap()).await.unwrap();
    assert_eq!(scope.attribution_days().await.unwrap().get(), 1);
    scope.commit().await.unwrap();
    assert!(!track("shorter", NOON.plus(DAY + 1)).await && track("day", NOON.plus(DAY)).await);
    assert_eq!(store.engage(ours, click.id, NOON.plus(DAY + 1)).await.unwrap(), Engaged::OutsideWindow);
    assert_eq!(conversions(store, ours).await, 3);
    let (theirs, _) = one_click(store, "theirs").await;
    assert_eq!(read(store, theirs).await.attribution_days().await.unwrap(), AttributionDays::DEFAULT);
}

pub async fn a_click_leads_to_so_much_and_no_more(store: &Store) {
    let (ours, click) = one_click(store, "ours").await;
    for number in 0..store::MOST_CONVERSIONS_OF_A_CLICK {
        convert(store, ours, &click, &number.to_string()).await;
    }
    let refused = store.track_conversion(ours, &conversion(&click, "more", "sale", NOON)).await;
    assert!(matches!(refused, Err(StoreError::TooMany)), "{refused:?}");
    let again = store.track_conversion(ours, &conversion(&click, "7", "sale", NOON)).await.unwrap();
    assert!(matches!(again, Tracked::Duplicate(_)));
}

pub async fn one_of_many_at_once_is_stored(store: &Store) {
    let (ours, click) = one_click(store, "ours").await;
    let tell = |_| {
        let (store, new) = (store.clone(), conversion(&click, "order", "sale", NOON));
        tokio::spawn(async move {
            let engaged = store.engage(ours, new.click, NOON).await.unwrap();
            (matches!(store.track_conversion(ours, &new).await.unwrap(), Tracked::Stored(_)), engaged == Engaged::Stored)
        })
    };
    let told: Vec<_> = (0..12).map(tell).collect();
    let (mut stored, mut engaged) = (0, 0);
    for told in told {
        let (is_stored, is_engaged) = told.await.unwrap();
        stored += i32::from(is_stored);
        engaged += i32::from(is_engaged);
    }
    assert_eq!((stored, engaged, conversions(store, ours).await), (1, 1, 1));
}

async fn erase(store: &Store, workspace: WorkspaceId, subject: Subject) -> u64 {
    let erasure = NewErasure { id: ErasureId::new(NOON, Rng::System.entropy()), subject, from: Millis(0), before: NOON.plus(DAY) };
    store.begin_erasures(workspace, std::slice::from_ref(&erasure), FreshSalt([1; 32]), NOON).await.unwrap();
    let mut clicks = 0;
    loop {
        let step = store.erase_step(workspace, erasure.id, FreshSalt([1; 32]), NOON).await.unwrap();
        clicks += step.clicks;
        if !step.more {
            return clicks;
        }
    }
}

pub async fn what_came_of_a_click_is_erased_with_it(store: &Database) {
    let (ours, of_nobody) = one_click(store, "ours").await;
    let visitor = VisitorKey { key: "v".into(), recipe: 2 };
    let other = link(store, ours, "other").await.id;
    let mine = Click { visitor: Some(visitor.clone()), ..click(of_nobody.link, NOON) };
    let elsewhere = click(other, NOON);
    ingest(store, ours, &[mine.clone(), elsewhere.clone()]).await;
    for (number, click) in [&of_nobody, &mine, &elsewhere].into_iter().enumerate() {
        convert(store, ours, click, &format!("first-{number}")).await;
        convert(store, ours, click, &format!("second-{number}")).await;
        store.engage(ours, click.id, NOON).await.unwrap();
    }
    assert_eq!(rows(store, ours).await, (6, 3));
    assert_eq!((erase(store, ours, Subject::Visitor(visitor)).await, rows(store, ours).await), (1, (4, 2)));
    assert_eq!((erase(store, ours, Subject::History(other)).await, rows(store, ours).await), (1, (2, 1)));
    let refused = store.track_conversion(ours, &conversion(&mine, "late", "sale", NOON)).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert_eq!(conversions(store, ours).await, 2);
}

pub async fn nothing_is_stored_of_a_click_that_is_being_erased(store: &Database) {
    let ours = workspace(store, "ours").await;
    let of_link = link(store, ours, "a").await.id;
    let clicks: Vec<Click> = (0..60).map(|at| click(of_link, NOON.plus(at))).collect();
    ingest(store, ours, &clicks).await;
    let telling: Vec<_> = (0..4)
        .map(|teller| {
            let (store, clicks) = (store.store.clone(), clicks.clone());
            tokio::spawn(async move {
                for (number, click) in clicks.iter().enumerate() {
                    let new = conversion(click, &format!("{teller}-{number}"), "sale", click.occurred_at());
                    match store.track_conversion(ours, &new).await {
                        Ok(_) | Err(StoreError::NotFound) => {}
                        other => panic!("{other:?}"),
                    }
                    drop(store.engage(ours, click.id, NOON.plus(60)).await);
                }
            })
        })
        .collect();
    assert_eq!(erase(store, ours, Subject::History(of_link)).await, 60);
    for told in telling {
        told.await.unwrap();
    }
    assert_eq!(rows(store, ours).await, (0, 0));
}

pub async fn what_came_of_clicks_is_no_longer_kept_than_they_are(store: &Database) {
    let ((ours, kept), (theirs, foreign)) = (one_click(store, "ours").await, one_click(store, "theirs").await);
    let old: Vec<Click> = (0..700).map(|at| click(kept.link, NOON.plus(-2 * DAY + at))).collect();
    ingest(store, ours, &old).await;
    for (number, click) in old.iter().enumerate() {
        convert(store, ours, click, &format!("old-{number}")).await;
        store.engage(ours, click.id, NOON).await.unwrap();
    }
    convert(store, ours, &kept, "kept").await;
    convert(store, theirs, &foreign, "theirs").await;
    store.keep_clicks_from(ours, NOON.plus(-DAY)).await.unwrap();
    // What is no longer kept is not counted on one side only.
    let question = ConversionQuestion { filter: ClickFilter::default(), name: None };
    let totals = read(store, ours).await.conversion_totals(&question).await.unwrap();
    assert_eq!((totals.clicks, totals.conversions, totals.converted_clicks), (1, 1, 1));
    let mut deleted = 0;
    loop {
        let purged = store.purge_clicks(ours, domain::AuditId::new(NOON, Rng::System.entropy())).await.unwrap();
        deleted += purged.rows;
        if !purged.more {
            break;
        }
    }
    assert_eq!((deleted, rows(store, ours).await, rows(store, theirs).await), (700, (1, 0), (1, 0)));
    let page = read(store, ours).await.conversions_after(None, 9).await.unwrap();
    assert_eq!(page.iter().map(|kept| kept.event_id.as_str()).collect::<Vec<_>>(), ["kept"]);
    assert!(read(store, ours).await.conversions_after(Some("kept"), 9).await.unwrap().is_empty());
    let unknown = LinkId::new(NOON, [9; 10]);
    assert!(matches!(store.engage(ours, click(unknown, NOON).id, NOON).await, Err(StoreError::NotFound)));
}
