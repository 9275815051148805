//! The end of a workspace.

use domain::{Click, ClickFilter, DaySalt, LinkId, LocalDay, Millis, WorkspaceId};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{Access, Salt, Store, StoreError, Subject};

use crate::erased::{HOUR, by, counted, erase, erasure, fresh, ingest, ingest_at, key};
use crate::fixture::{Database, NOON, account, click, link, workspace};

async fn ask(store: &Store, workspace: WorkspaceId, at: Millis) -> Millis {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let at = scope.delete_at(at).await.unwrap();
    scope.commit().await.unwrap();
    at
}

async fn keep(store: &Store, workspace: WorkspaceId) -> Result<(), StoreError> {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.keep_workspace().await?;
    scope.commit().await
}

pub async fn a_deletion_can_be_taken_back_until_it_begins(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    ingest(store, ours, &[click(a, NOON)]).await;
    let end = NOON.plus(7 * 24 * HOUR);
    assert!(!store.workspace_policy(ours).await.unwrap().closed);
    assert_eq!(ask(store, ours, end).await, end);
    // Asked again it is no later.
    assert_eq!(ask(store, ours, end.plus(HOUR)).await, end);
    let policy = store.workspace_policy(ours).await.unwrap();
    assert_eq!((policy.closed, policy.version), (true, 1));
    assert_eq!(store.due_removals(end.plus(-1)).await.unwrap(), []);
    assert!(!store.remove_step(ours, end.plus(-1)).await.unwrap());
    keep(store, ours).await.unwrap();
    let policy = store.workspace_policy(ours).await.unwrap();
    assert_eq!((policy.closed, policy.version), (false, 2));
    assert!(store.due_removals(end).await.unwrap().is_empty() && !store.remove_step(ours, end).await.unwrap());
    assert_eq!(counted(store, ours, ClickFilter::default()).await, 1);

    ask(store, ours, end).await;
    assert!(store.remove_step(ours, end).await.unwrap());
    let refused = keep(store, ours).await;
    assert!(matches!(refused, Err(StoreError::Conflict(store::Conflict::Removed))), "{refused:?}");
    assert_eq!(ingest_at(store, ours, &[click(a, end)], end).await.erased, 1);
}

pub async fn nothing_is_left_of_a_removed_workspace(store: &Database) {
    let snapshot = store.store.clone().with_link_outbox();
    let store_of_links: &Store = &snapshot;
    let (ours, theirs) = (account("ours", &Rng::System), account("theirs", &Rng::System));
    let (ours_id, theirs_id, user) = (ours.workspace.id, theirs.workspace.id, ours.session.user);
    let (ours_mail, theirs_mail) = (ours.email.clone(), theirs.email.clone());
    for new in [ours, theirs] {
        store_of_links.sign_up(new).await.unwrap();
    }
    for (id, name) in [(ours_id, "ours"), (theirs_id, "theirs")] {
        crate::domains::verified(store_of_links, id, &format!("{name}.example")).await;
        crate::api_keys::decide_something(store_of_links, id).await;
        crate::recipients::a_list(store_of_links, id).await;
        let mut new = crate::fixture::new_link(name);
        new.gate.click_limit = Some(domain::ClickLimit::parse(5).unwrap());
        new.gate.rules = crate::rule_names::rules(&[(1, "Rule")]);
        new.labels = crate::link_labels::labels(&["a", "b"], Some("f"), serde_json::json!({ "k": 1 }));
        let scope = store_of_links.workspace(id, Access::Write).await.unwrap();
        let link = scope.create_link(&new, NOON).await.unwrap().id;
        assert!(scope.report_link(&crate::link_reports::report(link, 0)).await.unwrap());
        scope.create_annotation(&crate::annotations::note(NOON, Some(link))).await.unwrap();
        scope.commit().await.unwrap();
        let clicks: Vec<Click> = (0_i64..1_500).map(|at| by(key(at.unsigned_abs() % 700, 1), click(link, NOON.plus(at)))).collect();
        ingest(store_of_links, id, &clicks).await;
        crate::recipients::known_recipients(store_of_links, id).await;
        crate::misses::ingest(store_of_links, id, &[crate::misses::miss("a", NOON)]).await;
        crate::conversions::convert(store_of_links, id, &clicks[7], "order").await;
        store_of_links.engage(id, clicks[7].id, NOON).await.unwrap();
        let today = LocalDay::of(NOON, &TimeZone::UTC);
        store.day_salt(id, Salt { day: today, salt: DaySalt([7; 32]), used_until: NOON.plus(HOUR) }, NOON).await.unwrap();
        store.count_losses(&[crate::ingest_counters::loss(id, 1, 1)]).await.unwrap();
        erase(store_of_links, id, Subject::Visitor(key(3, 1))).await;
    }
    let before = rows_of(store, theirs_id).await;
    ask(store_of_links, ours_id, NOON).await;
    let mut steps = 0;
    // Each step may be the last of its process.
    while Store::connect(&store.url).await.unwrap().with_link_outbox().remove_step(ours_id, NOON).await.unwrap() {
        steps += 1;
    }
    assert!(steps > 4, "{steps}");
    // Redirectors are told of what is gone, and who had the host keeps it from others for a while.
    let left: Vec<(String, i64)> = rows_of(store, ours_id).await.into_iter().filter(|(_, rows)| *rows > 0).collect();
    let told: Vec<&str> = left.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!(told, ["domain_outbox", "host_quarantine", "link_outbox", "policy_outbox"]);
    assert_eq!(rows_of(store, theirs_id).await, before);
    assert!(store.account_by_email(&ours_mail).await.unwrap().is_none() && store.account_by_email(&theirs_mail).await.unwrap().is_some());
    assert_eq!(store.memberships_of(user).await.unwrap(), []);
    assert!(store.resolve_link("ours").await.unwrap().is_none() && store.resolve_link("theirs").await.unwrap().is_some());
    // Nothing more can be asked for.
    let erasure = erasure(Subject::Visitor(key(4, 1)), Millis(0), NOON);
    let refused = store.begin_erasures(ours_id, std::slice::from_ref(&erasure), fresh(), NOON).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert_eq!(store.open_erasures(NOON).await.unwrap(), []);
    // What comes late is nobody's.
    let late = click(LinkId::new(NOON, [1; 10]), NOON);
    assert_eq!(ingest(store, ours_id, &[late]).await.erased, 1);
    store.count_losses(&[crate::ingest_counters::loss(ours_id, 2, 1)]).await.unwrap();
    assert_eq!(rows_of(store, ours_id).await.into_iter().filter(|(_, rows)| *rows > 0).count(), told.len());
}

/// How many rows each table has of a workspace: of all tables that there are.
async fn rows_of(store: &Database, workspace: WorkspaceId) -> Vec<(String, i64)> {
    let mut rows = Vec::new();
    for table in store.tables_with("workspace_id").await {
        rows.push((table.clone(), store.count(&table, "workspace_id", workspace.0).await));
    }
    rows.push(("workspaces".into(), store.count("workspaces", "id", workspace.0).await));
    rows.push(("sessions".into(), store.count("sessions", "active_workspace", workspace.0).await));
    rows.sort();
    rows
}
