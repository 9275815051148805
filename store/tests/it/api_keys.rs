//! API keys and what workspaces decide for their redirects.

use domain::{
    ApiKeyHash, ApiKeyId, ApiScope, ClickFilter, KeyId, LinkChange, LinkId, LinkKind, ReferrerPolicy, TargetUrl, WorkspaceId,
    WorkspacePolicy,
};
use platform::Rng;
use store::{Access, Conflict, MAX_API_KEYS, NewApiKey, NewSigningSecret, PolicySubject, Store, StoreError};

use crate::fixture::{NOON, click, ingest, read, workspace};

const DAY: i64 = 24 * 3_600 * 1_000;

fn home() -> TargetUrl {
    TargetUrl::from_store("https://go.example/".into())
}

fn new_key(scopes: &[ApiScope]) -> NewApiKey {
    NewApiKey {
        created_by: None,
        id: ApiKeyId::new(NOON, Rng::System.entropy()),
        name: "key".into(),
        hash: ApiKeyHash(Rng::System.bytes()),
        scopes: scopes.to_vec(),
        expires_at: Some(NOON.plus(DAY)),
        networks: vec!["203.0.113.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
    }
}

async fn create(store: &Store, workspace: WorkspaceId, new: &NewApiKey) -> Result<store::ApiKey, StoreError> {
    let scope = store.workspace(workspace, Access::Write).await?;
    let key = scope.create_api_key(new, &home(), NOON).await?;
    scope.commit().await?;
    Ok(key)
}

async fn revoke(store: &Store, workspace: WorkspaceId, id: ApiKeyId, at: i64) -> Result<store::ApiKey, StoreError> {
    let scope = store.workspace(workspace, Access::Write).await?;
    let key = scope.revoke_api_key(id, NOON.plus(at)).await?;
    scope.commit().await?;
    Ok(key)
}

async fn rotate(store: &Store, workspace: WorkspaceId, step: i64, grace: i64) {
    let now = NOON.plus(step);
    let id = KeyId::new(now, Rng::System.entropy());
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let new = NewSigningSecret { id, sealed: format!("sealed-{step}") };
    scope.rotate_signing_secret(new, now.plus(grace), &home(), now).await.unwrap();
    scope.commit().await.unwrap();
}

/// Gives a workspace one key and one secret.
pub async fn decide_something(store: &Store, workspace: WorkspaceId) {
    create(store, workspace, &new_key(&[ApiScope::LinksRead])).await.unwrap();
    rotate(store, workspace, 0, 0).await;
}

pub async fn a_key_is_known_until_it_is_revoked(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let new = new_key(&[ApiScope::LinksRead, ApiScope::ClicksWrite]);
    let made = create(store, ours, &new).await.unwrap();
    assert_eq!((made.id, &made.scopes, made.networks.len(), made.expires_at), (new.id, &new.scopes, 2, new.expires_at));
    let right = store.api_key(new.id).await.unwrap().unwrap().right.unwrap();
    assert_eq!((right.workspace, right.hash, &right.networks), (ours, new.hash, &new.networks));
    assert_eq!(store.api_key(new_key(&[]).id).await.unwrap(), None);

    // At most once a minute.
    let used = async |at: i64| {
        store.touch_api_key(new.id, NOON.plus(at)).await.unwrap();
        read(store, ours).await.api_keys().await.unwrap()[0].last_used_at
    };
    assert_eq!(made.last_used_at, None);
    assert_eq!(used(0).await, Some(NOON));
    assert_eq!(used(59_999).await, Some(NOON));
    assert_eq!(used(60_000).await, Some(NOON.plus(60_000)));

    assert!(read(store, theirs).await.api_keys().await.unwrap().is_empty());
    assert!(matches!(revoke(store, theirs, new.id, 0).await, Err(StoreError::NotFound)));
    assert!(store.api_key(new.id).await.unwrap().unwrap().right.is_some());
    assert_eq!(revoke(store, ours, new.id, 5).await.unwrap().revoked_at, Some(NOON.plus(5)));
    assert_eq!(revoke(store, ours, new.id, 9).await.unwrap().revoked_at, Some(NOON.plus(5)));
    let state = store.api_key(new.id).await.unwrap().unwrap();
    assert_eq!((state.version, state.right), (2, None));
    assert!(read(store, ours).await.api_keys().await.unwrap().is_empty());
}

pub async fn keys_are_bounded(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let mut last = None;
    for _ in 0..MAX_API_KEYS {
        last = Some(create(store, ours, &new_key(&[ApiScope::LinksRead])).await.unwrap().id);
    }
    assert!(matches!(create(store, ours, &new_key(&[ApiScope::LinksRead])).await, Err(StoreError::TooMany)));
    create(store, theirs, &new_key(&[ApiScope::LinksRead])).await.unwrap();
    let last = last.unwrap();
    revoke(store, ours, last, -31 * DAY).await.unwrap();
    // Making the next forgets what was revoked a month ago.
    create(store, ours, &new_key(&[ApiScope::LinksRead])).await.unwrap();
    assert_eq!(store.api_key(last).await.unwrap(), None);
}

pub async fn clicks_without_a_link_belong_to_one_that_stays_as_it_is(store: &Store) {
    let ours = workspace(store, "ours").await;
    create(store, ours, &new_key(&[ApiScope::LinksRead])).await.unwrap();
    let logged = LinkId::logged(ours);
    assert!(matches!(read(store, ours).await.link(logged).await, Err(StoreError::NotFound)));
    for _ in 0..2 {
        create(store, ours, &new_key(&[ApiScope::ClicksWrite])).await.unwrap();
    }
    rotate(store, ours, 0, 0).await;
    ingest(store, ours, &[click(logged, NOON)]).await;
    let scope = read(store, ours).await;
    let link = scope.link(logged).await.unwrap();
    assert_eq!((link.kind, link.last_clicked_at, scope.slugs_of(logged).await.unwrap()), (LinkKind::Logged, Some(NOON), vec![]));
    assert_eq!(scope.totals(&ClickFilter::default()).await.unwrap().tally.counts.human, 1);
    drop(scope);
    assert_eq!(store.resolve_link("r").await.unwrap(), None);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let fixed = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Conflict(Conflict::Fixed)));
    assert!(fixed(scope.update_link(logged, LinkChange::default(), None, NOON).await.map(drop)));
    assert!(fixed(scope.archive_link(logged, true, NOON).await.map(drop)));
    assert!(fixed(scope.delete_link(logged, NOON).await));
}

pub async fn secrets_are_good_for_as_long_as_was_said(store: &Store) {
    let ours = workspace(store, "ours").await;
    assert_eq!(store.workspace_policy(ours).await.unwrap(), WorkspacePolicy::undecided(ours));
    assert_eq!(read(store, ours).await.signing_secret().await.unwrap(), None);
    let secrets = async || {
        let policy = store.workspace_policy(ours).await.unwrap();
        policy.secrets.into_iter().map(|secret| (secret.sealed, secret.valid_until.map(|at| at.0 - NOON.0))).collect::<Vec<_>>()
    };
    let sealed = |step: i64, until: Option<i64>| (format!("sealed-{step}"), until);
    rotate(store, ours, 0, DAY).await;
    assert_eq!(secrets().await, [sealed(0, None)]);
    rotate(store, ours, 1, 3 * DAY).await;
    rotate(store, ours, 2, 5 * DAY).await;
    // A later rotation with a longer grace does not prolong an earlier one.
    assert_eq!(secrets().await, [sealed(2, None), sealed(1, Some(5 * DAY + 2)), sealed(0, Some(3 * DAY + 1))]);
    assert_eq!(read(store, ours).await.signing_secret().await.unwrap().as_deref(), Some("sealed-2"));
    for step in 3..6 {
        rotate(store, ours, step, 9 * DAY).await;
    }
    // Only the newest few are kept.
    assert_eq!(
        secrets().await.into_iter().map(|(sealed, _)| sealed).collect::<Vec<_>>(),
        ["sealed-5", "sealed-4", "sealed-3", "sealed-2", "sealed-1"]
    );
    // Without a grace they end at once.
    rotate(store, ours, 6, 0).await;
    assert_eq!(secrets().await, [sealed(6, None)]);
    assert_eq!(store.workspace_policy(ours).await.unwrap().version, 7);
}

pub async fn policies_are_the_workspaces_own(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let set = async |policy| {
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        scope.set_referrer_policy(policy).await.unwrap();
        scope.commit().await.unwrap();
        let policy = store.workspace_policy(ours).await.unwrap();
        (policy.version, policy.referrer_policy)
    };
    for (policy, version) in ReferrerPolicy::ALL.into_iter().zip(1..) {
        assert_eq!(set(Some(policy)).await, (version, Some(policy)));
    }
    assert_eq!(set(None).await, (9, None));
    assert_eq!(store.workspace_policy(theirs).await.unwrap(), WorkspacePolicy::undecided(theirs));
}

pub async fn every_change_of_a_policy_is_in_the_outbox(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    create(store, theirs, &new_key(&[ApiScope::LinksRead])).await.unwrap();
    assert_eq!(store.policy_outbox(9).await.unwrap(), [], "without a snapshot nothing gathers");
    let store = &store.clone().with_link_outbox();
    let key = new_key(&[ApiScope::LinksRead]);
    create(store, ours, &key).await.unwrap();
    revoke(store, ours, key.id, 0).await.unwrap();
    rotate(store, ours, 0, 0).await;
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.set_referrer_policy(None).await.unwrap();
    // Rolled back.
    drop(scope);
    let changes = store.policy_outbox(9).await.unwrap();
    let subjects: Vec<PolicySubject> = changes.iter().map(|change| change.subject).collect();
    assert_eq!(subjects, [PolicySubject::Key(key.id), PolicySubject::Key(key.id), PolicySubject::Workspace(ours)]);
    store.clear_policy_outbox(&[]).await.unwrap();
    store.clear_policy_outbox(&[changes[0].id, changes[2].id]).await.unwrap();
    assert_eq!(store.policy_outbox(9).await.unwrap(), [changes[1]]);
}

pub async fn all_policies_are_met_page_by_page(store: &Store) {
    let (ours, theirs, idle) = (workspace(store, "ours").await, workspace(store, "theirs").await, workspace(store, "idle").await);
    let mut expected = Vec::new();
    for workspace in [ours, theirs, ours, theirs, ours] {
        expected.push(create(store, workspace, &new_key(&[ApiScope::LinksRead])).await.unwrap().id);
    }
    expected.sort_unstable();
    for workspace in [ours, theirs] {
        rotate(store, workspace, 0, 0).await;
    }
    let (mut after, mut found) = (PolicySubject::FIRST, Vec::new());
    loop {
        let page = store.policy_subjects_after(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = *last;
        found.extend(page);
    }
    let mut workspaces = [ours, theirs];
    workspaces.sort_unstable();
    let expected = expected.into_iter().map(PolicySubject::Key).chain(workspaces.map(PolicySubject::Workspace));
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert!(!found.contains(&PolicySubject::Workspace(idle)));
}
