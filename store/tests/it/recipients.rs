//! Recipients: who of those that something was sent to has clicked.

use domain::{Click, ClickFilter, Parameter, RecipientImport, RecipientListId, RecipientParameter, Verdict, WorkspaceId};
use platform::Rng;
use store::{Access, RecipientRequest, Store, StoreError};

use crate::fixture::{Database, NOON, click, ingest, link, read, workspace};

fn to(recipient: &str, click: Click) -> Click {
    let parameter = |key: &str, value: &str| Parameter { key: key.into(), value: value.into() };
    Click { parameters: vec![parameter("n", "1"), parameter("rid", recipient), parameter("rid", "second")], ..click }
}

/// Notes whose clicks those are that came by now.
async fn note(store: &Store, workspace: WorkspaceId) {
    let mut more = read(store, workspace).await.has_unnoted_clicks().await.unwrap();
    while more {
        let scope = store.workspace(workspace, Access::Write).await.unwrap();
        more = scope.note_recipients().await.unwrap();
        scope.commit().await.unwrap();
    }
}

pub async fn recipients_have_clicked_or_not(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let a = link(store, ours, "a").await.id;
    let rid = RecipientParameter::parse("rid").unwrap();
    let list = |seed: u8| RecipientListId::new(NOON, [seed; 10]);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    assert_eq!(scope.recipient_parameter().await.unwrap(), None);
    scope.set_recipient_parameter(Some(&rid)).await.unwrap();
    let import = |name: &str, ids: &[&str]| RecipientImport::parse(name, ids.iter().map(|id| (*id).to_owned()).collect()).unwrap();
    let ids = ["a\"b", "Zoe", "adam", "äda", "second"];
    let (may, added) = scope.import_recipients(&import("May", &ids), list(1)).await.unwrap();
    assert_eq!((may.id, may.size, added), (list(1), 5, 5));
    let (may, added) = scope.import_recipients(&import("May", &["adam", "eve"]), list(2)).await.unwrap();
    assert_eq!((may.id, may.size, added), (list(1), 6, 1));
    scope.commit().await.unwrap();
    let clicks = [
        to("adam", click(a, NOON)),
        to("adam", click(a, NOON.plus(5))),
        to("a\"b", click(a, NOON.plus(1))),
        to("äda", click(a, NOON.plus(2))),
        to("nobody", click(a, NOON.plus(3))),
        to("Zoe", Click { verdict: Verdict::Bot, ..click(a, NOON) }),
        // Another parameter's value that looks like it.
        Click { parameters: vec![Parameter { key: "n".into(), value: "{\"key\":\"rid\",\"value\":\"Zoe\"}".into() }], ..click(a, NOON) },
        Click { parameters: vec![Parameter { key: "RID".into(), value: "Zoe".into() }], ..click(a, NOON) },
    ];
    ingest(store, ours, &clicks).await;
    note(store, ours).await;
    let scope = read(store, ours).await;
    assert_eq!(scope.recipient_parameter().await.unwrap(), Some(rid.clone()));
    let ask =
        |list: Option<RecipientListId>, clicked| RecipientRequest { list, filter: ClickFilter::default(), clicked, after: None, limit: 10 };
    let found = async |request: &RecipientRequest| {
        let rows = scope.recipient_clicks(request).await.unwrap();
        rows.into_iter()
            .map(|row| (row.recipient, row.clicks, row.between.map(|(first, last)| (first.0 - NOON.0, last.0 - NOON.0))))
            .collect::<Vec<_>>()
    };
    let row = |id: &str, clicks, between| (id.to_owned(), clicks, between);
    let (quoted, adam, ada) = (row("a\"b", 1, Some((1, 1))), row("adam", 2, Some((0, 5))), row("äda", 1, Some((2, 2))));
    let none = |id: &str| row(id, 0, None);
    let all = [none("Zoe"), quoted.clone(), adam.clone(), none("eve"), none("second"), ada.clone()];
    assert_eq!(found(&ask(Some(may.id), None)).await, all);
    assert_eq!(found(&ask(Some(may.id), Some(true))).await, [quoted.clone(), adam.clone(), ada.clone()]);
    assert_eq!(found(&ask(Some(may.id), Some(false))).await, [none("Zoe"), none("eve"), none("second")]);
    assert_eq!(found(&ask(None, None)).await, [quoted, adam, row("nobody", 1, Some((3, 3))), ada.clone()]);
    for (request, many) in
        [(ask(Some(may.id), None), 6), (ask(Some(may.id), Some(true)), 3), (ask(Some(may.id), Some(false)), 3), (ask(None, None), 4)]
    {
        assert_eq!(scope.count_recipients(&RecipientRequest { limit: 1, ..request }).await.unwrap(), many);
    }
    // Page by page, one more than asked for says that there are more.
    let page = RecipientRequest { after: Some("a\"b".into()), limit: 1, ..ask(Some(may.id), Some(true)) };
    assert_eq!(found(&page).await.len(), 2);
    assert_eq!(found(&RecipientRequest { after: Some("adam".into()), ..page }).await, [ada]);
    let late = ClickFilter { from: Some(NOON.plus(5)), ..ClickFilter::default() };
    assert_eq!(found(&RecipientRequest { filter: late, ..ask(None, None) }).await, [row("adam", 1, Some((5, 5)))]);
    // Nobody else's list.
    let other = read(store, theirs).await;
    assert!(matches!(other.recipient_clicks(&ask(Some(may.id), None)).await, Err(StoreError::NotFound)));
    assert_eq!(other.recipient_lists().await.unwrap(), []);
    drop((scope, other));

    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let gone = ["adam".to_owned(), "eve".to_owned(), "none".to_owned()];
    assert_eq!(scope.remove_recipients(Some(list(9)), &gone).await.unwrap(), 0);
    assert_eq!(scope.remove_recipients(None, &gone).await.unwrap(), 2);
    let left: Vec<String> = scope.recipients_after(None, 10).await.unwrap().into_iter().map(|(_, id)| id).collect();
    assert_eq!(left, ["Zoe", "a\"b", "second", "äda"]);
    let rest = scope.recipients_after(Some((may.id, "a\"b".into())), 1).await.unwrap();
    assert_eq!(rest, [(may.id, "second".to_owned())]);
    scope.delete_recipient_list(may.id).await.unwrap();
    assert!(matches!(scope.delete_recipient_list(may.id).await, Err(StoreError::NotFound)));
    assert_eq!(scope.recipient_lists().await.unwrap(), []);
}

/// Each click is noted once however often somebody asks, by the parameter of now, and forgotten with it.
pub async fn clicks_are_noted_once_and_gone_with_them(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b) = (link(store, ours, "a").await.id, link(store, theirs, "b").await.id);
    let choose = async |name: &str| {
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        scope.set_recipient_parameter(Some(&RecipientParameter::parse(name).unwrap())).await.unwrap();
        scope.commit().await.unwrap();
        note(store, ours).await;
    };
    let clicks: Vec<Click> = (0..6).map(|at| to(&format!("r{}", at % 3), click(a, NOON.plus(at)))).collect();
    ingest(store, ours, &clicks[..4]).await;
    ingest(store, theirs, &[to("r1", click(b, NOON))]).await;
    choose("rid").await;
    let request = || RecipientRequest { list: None, filter: ClickFilter::default(), clicked: None, after: None, limit: 9 };
    let told = async |request: RecipientRequest| {
        let rows = read(store, ours).await.recipient_clicks(&request).await.unwrap();
        rows.into_iter().map(|row| (row.recipient, row.clicks)).collect::<Vec<_>>()
    };
    let rows = |rows: &[(&str, u64)]| rows.iter().map(|(id, clicks)| ((*id).to_owned(), *clicks)).collect::<Vec<_>>();
    assert_eq!(told(request()).await, rows(&[("r0", 2), ("r1", 1), ("r2", 1)]));
    // Those that come later, and some once more.
    ingest(store, ours, &clicks).await;
    assert!(read(store, ours).await.has_unnoted_clicks().await.unwrap());
    for _ in 0..2 {
        note(store, ours).await;
        assert_eq!(told(request()).await, rows(&[("r0", 2), ("r1", 2), ("r2", 2)]));
    }
    assert_eq!(told(RecipientRequest { after: Some("r0".into()), limit: 0, ..request() }).await, rows(&[("r1", 2)]));
    let noted = async || store.count("click_recipients", "workspace_id", ours.0).await;
    assert_eq!(noted().await, 6);
    // What is deleted is known no more, whoever deletes it.
    store.keep_clicks_from(ours, NOON.plus(3)).await.unwrap();
    store.purge_clicks(ours, domain::AuditId::new(NOON, Rng::System.entropy())).await.unwrap();
    assert_eq!((noted().await, told(request()).await), (3, rows(&[("r0", 1), ("r1", 1), ("r2", 1)])));
    store.execute("DELETE FROM clicks").await;
    assert_eq!((noted().await, told(request()).await), (0, vec![]));
    // By another parameter from now on.
    ingest(store, ours, &[to("r7", click(a, NOON.plus(9)))]).await;
    choose("n").await;
    assert_eq!(told(request()).await, rows(&[("1", 1)]));
    assert_eq!(store.count("click_recipients", "workspace_id", theirs.0).await, 0);
}

/// So that a removal, and the policies, have clicks of recipients to guard.
pub async fn known_recipients(store: &Store, workspace: WorkspaceId) {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.set_recipient_parameter(Some(&RecipientParameter::parse("n").unwrap())).await.unwrap();
    scope.commit().await.unwrap();
    note(store, workspace).await;
}

pub async fn lists_of_recipients_are_bounded(store: &Database) {
    let ours = workspace(store, "ours").await;
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    for call in 0..10_u32 {
        let ids = (0..10_000_u32).map(|id| format!("{}", call * 10_000 + id)).collect();
        scope.import_recipients(&RecipientImport::parse("all", ids).unwrap(), RecipientListId::new(NOON, [1; 10])).await.unwrap();
    }
    scope.commit().await.unwrap();
    let one_more = RecipientImport::parse("all", vec!["x".into()]).unwrap();
    let refused =
        store.workspace(ours, Access::Write).await.unwrap().import_recipients(&one_more, RecipientListId::new(NOON, [2; 10])).await;
    assert!(matches!(refused, Err(StoreError::TooMany)), "{refused:?}");
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    for list in 1..20_u8 {
        let import = RecipientImport::parse(&format!("list {list}"), vec!["x".into()]).unwrap();
        scope.import_recipients(&import, RecipientListId::new(NOON, [list + 9; 10])).await.unwrap();
    }
    let import = RecipientImport::parse("one more", vec!["x".into()]).unwrap();
    let refused = scope.import_recipients(&import, RecipientListId::new(NOON, [99; 10])).await;
    assert!(matches!(refused, Err(StoreError::TooMany)), "{refused:?}");
}

/// So that a removal, and the policies, have something to guard.
pub async fn a_list(store: &Store, workspace: WorkspaceId) {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let import = RecipientImport::parse("May", vec!["adam".into()]).unwrap();
    scope.import_recipients(&import, RecipientListId::new(NOON, Rng::System.entropy())).await.unwrap();
    scope.commit().await.unwrap();
}
