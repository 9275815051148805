//! What is no longer kept: watermarks, purges in steps, addresses, proofs.

use domain::{AuditActor, AuditEntry, AuditId, Click, ClickFilter, ClickProperties, LossReason, Millis, Verdict, VisitorKey, WorkspaceId};
use platform::Rng;
use serde_json::json;
use store::{Access, PageRequest, Purged, Rejudged, Store};

use crate::fixture::{NOON, click, ingest, link, read, workspace};

const DAY: i64 = 86_400_000;

fn proof(at: Millis) -> AuditId {
    AuditId::new(at, Rng::System.entropy())
}

fn before(at: Millis) -> ClickFilter {
    ClickFilter { to: Some(at), ..ClickFilter::default() }
}

async fn rows(store: &Store, workspace: WorkspaceId, filter: &ClickFilter) -> u64 {
    read(store, workspace).await.count_clicks(filter).await.unwrap()
}

/// By cells.
async fn human(store: &Store, workspace: WorkspaceId) -> u64 {
    read(store, workspace).await.totals(&ClickFilter::default()).await.unwrap().tally.counts.human
}

async fn too_late(store: &Store, workspace: WorkspaceId) -> u64 {
    let lost = read(store, workspace).await.lost_clicks(Millis(0), NOON.plus(DAY)).await.unwrap();
    let lost: Vec<_> = lost.iter().filter(|lost| lost.reason.is_of_lost_clicks()).collect();
    assert!(lost.iter().all(|lost| lost.reason == LossReason::TooLate));
    lost.iter().map(|lost| lost.count).sum()
}

async fn audit(store: &Store, workspace: WorkspaceId) -> Vec<AuditEntry> {
    read(store, workspace).await.audit_log(&PageRequest::first(100)).await.unwrap().entries
}

/// How many clicks the audit log says were deleted.
async fn proven(store: &Store, workspace: WorkspaceId) -> u64 {
    let entries = audit(store, workspace).await;
    assert!(entries.iter().all(|entry| entry.action == AuditEntry::CLICKS_PURGED && entry.actor == AuditActor::System));
    entries.iter().map(|entry| entry.details["clicks"].as_u64().unwrap()).sum()
}

async fn purge(store: &Store, workspace: WorkspaceId) -> u64 {
    let mut rows = 0;
    loop {
        let purged = store.purge_clicks(workspace, proof(NOON)).await.unwrap();
        rows += purged.rows;
        if !purged.more {
            return rows;
        }
    }
}

pub async fn clicks_that_come_too_late_count_once(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b) = (link(store, ours, "a").await.id, link(store, theirs, "b").await.id);
    store.keep_clicks_from(ours, NOON.plus(-DAY)).await.unwrap();
    // It never goes back.
    store.keep_clicks_from(ours, NOON.plus(-2 * DAY)).await.unwrap();
    assert_eq!(read(store, ours).await.forgotten().await.unwrap().kept_from, NOON.plus(-DAY));
    let batch = [click(a, NOON.plus(-DAY - 1)), click(a, NOON.plus(-DAY)), click(a, NOON.plus(-2 * DAY))];
    let report = ingest(store, ours, &batch).await;
    assert_eq!((report.too_late, report.duplicates, report.stored[0].clicks.len()), (2, 0, 1));
    // The same clicks again, in another frame and beside another late one.
    let again: Vec<Click> = batch.iter().cloned().chain([click(a, NOON.plus(-3 * DAY))]).collect();
    let report = ingest(store, ours, &again).await;
    assert_eq!((report.too_late, report.duplicates, report.stored.len()), (1, 3, 0));
    assert_eq!((too_late(store, ours).await, human(store, ours).await, rows(store, ours, &ClickFilter::default()).await), (3, 1, 1));
    assert_eq!(ingest(store, theirs, &[click(b, NOON.plus(-3 * DAY))]).await.too_late, 0);
}

pub async fn a_purge_meets_a_replay_half_way(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b) = (link(store, ours, "a").await.id, link(store, theirs, "b").await.id);
    let old: Vec<Click> = (0..1_200).map(|index| click(a, NOON.plus(-2 * DAY + index))).collect();
    ingest(store, ours, &old).await;
    ingest(store, ours, &[click(a, NOON)]).await;
    ingest(store, theirs, &[click(b, NOON.plus(-2 * DAY))]).await;
    // The watermark has moved, and whoever moved it has died; nothing was deleted.
    store.keep_clicks_from(ours, NOON.plus(-DAY)).await.unwrap();
    assert_eq!(ingest(store, ours, &old[..10]).await.too_late, 10);
    // Another goes on, and dies in the middle.
    let first = store.purge_clicks(ours, proof(NOON)).await.unwrap();
    assert_eq!((first.rows, first.more, rows(store, ours, &ClickFilter::default()).await), (500, true, 701));
    assert!(audit(store, ours).await.is_empty());
    // Everything comes again: of what was deleted nothing returns, of what was not nothing is doubled.
    let report = ingest(store, ours, &old).await;
    assert_eq!((report.stored.len(), report.too_late), (0, 1_190));
    assert_eq!(purge(store, ours).await, 700);
    assert_eq!((purge(store, ours).await, proven(store, ours).await), (0, 1_200));
    let entry = &audit(store, ours).await[0];
    assert_eq!(entry.details, json!({ "clicks": 1_200, "before": NOON.plus(-DAY).to_string() }));
    assert_eq!(rows(store, ours, &ClickFilter::default()).await, 1);
    // Counts stay, and so does the link's.
    assert_eq!(human(store, ours).await, 1_201);
    assert_eq!(read(store, ours).await.link(a).await.unwrap().last_clicked_at, Some(NOON));
    assert_eq!((rows(store, theirs, &ClickFilter::default()).await, audit(store, theirs).await.len()), (1, 0));
    // The places of what is there are those that they were.
    let forgotten = read(store, ours).await.forgotten().await.unwrap();
    let page = read(store, ours).await.clicks_by_storage(&ClickFilter::default(), &PageRequest::first(9)).await.unwrap();
    assert!(page.clicks[0].seq > forgotten.purged_to && forgotten.purged_to > 0);
    // Judged again, what is gone is passed over.
    let judged =
        Rejudged { click: old[0].id, verdict: Verdict::Bot, reason: domain::VerdictReason::Crawler, rules_version: 1, derived: None };
    assert_eq!(store.rejudge(ours, &[judged]).await.unwrap(), 0);
    assert_eq!(human(store, ours).await, 1_201);
}

pub async fn clicks_are_stored_during_a_purge(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let old: Vec<Click> = (0..3_000).map(|index| click(a, NOON.plus(-2 * DAY + index))).collect();
    ingest(store, ours, &old).await;
    store.keep_clicks_from(ours, NOON.plus(-DAY)).await.unwrap();
    // Two workers at once, which is one too many.
    let purges: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { purge(&store, ours).await })
        })
        .collect();
    for index in 0..30 {
        let new: Vec<Click> = (0..20).map(|within| click(a, NOON.plus(index * 20 + within))).collect();
        assert_eq!(ingest(store, ours, &new).await.stored[0].clicks.len(), 20);
    }
    let mut purged = 0;
    for task in purges {
        purged += task.await.unwrap();
    }
    assert_eq!((purged, proven(store, ours).await), (3_000, 3_000));
    assert_eq!((rows(store, ours, &ClickFilter::default()).await, human(store, ours).await), (600, 3_600));
}

pub async fn addresses_go_and_their_networks_stay(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let with_address = |at: Millis| Click { ip: Some([203, 0, 113, 77].into()), ..click(a, at) };
    let clicks: Vec<Click> = [-8 * DAY, -DAY, 0].map(|at| with_address(NOON.plus(at))).into();
    ingest(store, ours, &clicks).await;
    let addresses = async || {
        let page = read(store, ours).await.clicks_by_time(&ClickFilter::default(), &PageRequest::first(9)).await.unwrap();
        assert!(page.clicks.iter().all(|click| click.network.as_deref() == Some("203.0.113.0/24")));
        page.clicks.iter().filter(|click| click.ip.is_some()).count()
    };
    let remove = async |before, now| store.remove_addresses(ours, before, proof(now)).await.unwrap().rows;
    assert_eq!((remove(NOON.plus(-7 * DAY), NOON).await, addresses().await), (1, 2));
    assert_eq!(remove(NOON.plus(-7 * DAY), NOON).await, 0);
    // Another one the same day is told of the next.
    assert_eq!((remove(NOON.plus(-DAY + 1), NOON.plus(3_600_000)).await, addresses().await), (1, 1));
    assert_eq!(remove(NOON.plus(-DAY + 1), NOON.plus(DAY)).await, 0);
    let removed = |addresses: u64, before: Millis| json!({ "addresses": addresses, "before": before.to_string() });
    let told: Vec<_> = audit(store, ours).await.into_iter().map(|entry| (entry.action, entry.details)).collect();
    let action = AuditEntry::ADDRESSES_REMOVED.to_owned();
    assert_eq!(told, [(action.clone(), removed(1, NOON.plus(-DAY + 1))), (action, removed(1, NOON.plus(-7 * DAY)))]);
    // A workspace that keeps none any more.
    assert_eq!((remove(Millis::MAX, NOON.plus(DAY)).await, addresses().await), (1, 0));
}

pub async fn consented_ids_go_and_their_clicks_stay(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b) = (link(store, ours, "a").await.id, link(store, theirs, "b").await.id);
    let by = |recipe, click: Click| Click { visitor: Some(VisitorKey { key: "v".into(), recipe }), ..click };
    let old: Vec<Click> = (0..501).map(|index| by(2, click(a, NOON.plus(index)))).chain([by(1, click(a, NOON))]).collect();
    ingest(store, ours, &old).await;
    ingest(store, ours, &[by(2, click(a, NOON.plus(DAY)))]).await;
    ingest(store, theirs, &[by(2, click(b, NOON))]).await;
    let unique = async |workspace, from| {
        read(store, workspace).await.unique_visitors(&ClickFilter { from, ..ClickFilter::default() }).await.unwrap()
    };
    assert_eq!((unique(ours, None).await, unique(theirs, None).await), (Some(1), Some(1)));
    let remove = async |now| store.remove_visitors(ours, NOON.plus(DAY), proof(now)).await.unwrap();
    assert_eq!(remove(NOON).await, Purged { rows: 500, more: true });
    assert!(audit(store, ours).await.is_empty());
    assert_eq!((remove(NOON).await, remove(NOON).await), (Purged { rows: 1, more: false }, Purged::default()));
    let entry = audit(store, ours).await.remove(0);
    assert_eq!((entry.action.as_str(), entry.actor), (AuditEntry::VISITORS_REMOVED, AuditActor::System));
    assert_eq!(entry.details, json!({ "clicks": 501, "before": NOON.plus(DAY).to_string() }));

    let page = read(store, ours).await.clicks_by_storage(&ClickFilter::default(), &PageRequest::first(600)).await.unwrap();
    let recipes: Vec<i16> = page.clicks.iter().filter_map(|click| click.visitor.as_ref()).map(|visitor| visitor.recipe).collect();
    assert_eq!((page.clicks.len(), recipes), (503, vec![1, 2]));
    assert_eq!(human(store, ours).await, 503);
    // What is left of a range is no answer for it.
    assert_eq!((unique(ours, None).await, unique(ours, Some(NOON.plus(DAY))).await), (None, Some(1)));
    assert_eq!(unique(theirs, None).await, Some(1));
}

pub async fn the_audit_log_is_read_page_by_page_and_forgets_what_is_old(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let user = AuditActor::User(domain::UserId::new(NOON, [7; 10]));
    let entry = |at, actor| AuditEntry { id: proof(at), actor, action: "thing.done".into(), details: json!({ "n": 1 }) };
    let entries = [entry(NOON.plus(-40 * DAY), user), entry(NOON.plus(-DAY), AuditActor::System), entry(NOON, user)];
    for workspace in [ours, theirs] {
        let scope = store.workspace(workspace, Access::Write).await.unwrap();
        for entry in &entries {
            scope.tell(entry).await.unwrap();
        }
        scope.commit().await.unwrap();
    }
    let page = async |request: PageRequest<AuditId>| read(store, ours).await.audit_log(&request).await.unwrap();
    let first = page(PageRequest::first(2)).await;
    assert_eq!((first.entries, first.has_next), (vec![entries[2].clone(), entries[1].clone()], true));
    let second = page(PageRequest { after: Some(entries[1].id), ..PageRequest::first(2) }).await;
    assert_eq!((second.entries, second.has_next, second.has_previous), (vec![entries[0].clone()], false, true));
    assert_eq!(store.purge_audit_log(ours, NOON.plus(-30 * DAY)).await.unwrap().rows, 1);
    assert_eq!((audit(store, ours).await.len(), audit(store, theirs).await.len()), (2, 3));
}

pub async fn answers_say_from_when_on_they_cover_everything(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let made = NOON;
    // Two days are kept of ten.
    let kept_from = NOON.plus(8 * DAY);
    for day in 0..10 {
        ingest(store, ours, &[click(a, NOON.plus(day * DAY + 1))]).await;
    }
    store.keep_clicks_from(ours, kept_from).await.unwrap();
    purge(store, ours).await;
    let between = |from, to| ClickFilter { from: Some(from), to: Some(to), ..ClickFilter::default() };
    let totals = async |filter: ClickFilter| {
        let totals = read(store, ours).await.totals(&filter).await.unwrap();
        (totals.tally.counts.human, totals.data_from)
    };
    // By cells everything is known.
    assert_eq!(totals(ClickFilter::default()).await, (10, made));
    assert_eq!(totals(between(NOON.plus(DAY), NOON.plus(10 * DAY))).await, (9, NOON.plus(DAY)));
    // A quarter that the range cuts is not: at its beginning, and at its end.
    assert_eq!(totals(between(NOON.plus(DAY + 1), NOON.plus(10 * DAY))).await, (8, NOON.plus(DAY + 900_000)));
    assert_eq!(totals(between(NOON, NOON.plus(DAY + 2))).await, (1, NOON.plus(DAY + 2)));
    // By dimension too.
    let of_country =
        |filter| ClickFilter { include: ClickProperties { countries: vec![Some("DE".into())], ..ClickProperties::default() }, ..filter };
    assert_eq!(totals(of_country(ClickFilter::default())).await, (10, made));
    // What cells do not hold is not.
    let of_network = |filter| ClickFilter {
        include: ClickProperties { networks: vec![Some("203.0.113.0/24".into())], ..ClickProperties::default() },
        ..filter
    };
    assert_eq!(totals(of_network(ClickFilter::default())).await, (2, kept_from));
    assert_eq!(totals(of_network(between(NOON, NOON.plus(DAY)))).await, (0, NOON.plus(DAY)));
    assert_eq!(totals(of_network(between(NOON.plus(9 * DAY), NOON.plus(10 * DAY)))).await, (1, NOON.plus(9 * DAY)));
    let scope = read(store, ours).await;
    assert_eq!(scope.clicks_from(&ClickFilter::default()).await.unwrap(), kept_from);
    assert_eq!(scope.clicks_from(&before(NOON.plus(DAY))).await.unwrap(), NOON.plus(DAY));
}

pub async fn workspaces_and_what_they_keep_are_met_page_by_page(store: &Store) {
    let mut all = Vec::new();
    for name in ["one", "two", "three"] {
        all.push(workspace(store, name).await);
    }
    all.sort();
    store.keep_clicks_from(all[1], NOON).await.unwrap();
    let first = store.keeping_after(None, 2).await.unwrap();
    let rest = store.keeping_after(Some(first[1].workspace), 2).await.unwrap();
    let met: Vec<_> = first.iter().chain(&rest).map(|keeping| (keeping.workspace, keeping.kept_from)).collect();
    assert_eq!(met, [(all[0], Millis(0)), (all[1], NOON), (all[2], Millis(0))]);
    assert_eq!(first[0].privacy, domain::Privacy::default());
}
