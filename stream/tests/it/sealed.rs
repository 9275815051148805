//! What the snapshot keeps besides plain links: gates with secrets, API keys, workspaces' policies.

use domain::{
    ApiKeyHash, ApiKeyId, ApiKeyRight, ApiKeyState, ApiScope, Gate, LinkAddress, LinkId, LinkState, Millis, PasswordHash, RedirectStatus,
    ReferrerPolicy, ResolvedLink, TargetUrl, WorkspaceId, WorkspacePolicy,
};
use futures_util::StreamExt as _;
use platform::{Rng, SealKey};
use stream::{LinkEvent, LinkNotices as _, LinkSnapshot, SnapshotNotices, StreamError};
use testkit::NatsServer;

use crate::fixture::{PATIENCE, connect};

const HASH: &str = "$argon2id$v=19$secret-hash";

fn workspace() -> WorkspaceId {
    WorkspaceId::new(Millis(1), [2; 10])
}

fn state(slug: &str, version: i32, password: Option<&str>) -> LinkState {
    let id = LinkId::new(Millis(1), [1; 10]);
    let gate = Gate { disabled: password.is_none(), password: password.map(|hash| PasswordHash(hash.into())), ..Gate::default() };
    let link = ResolvedLink {
        id,
        workspace: workspace(),
        version,
        target: TargetUrl::from_store("https://example.com/".into()),
        redirect_status: RedirectStatus::DEFAULT,
        forward_query: false,
        append_click_id: false,
        card: None,
        deleted: false,
        gate: gate.closed(),
    };
    LinkState { address: LinkAddress::shared(slug), id, version, link: Some(link) }
}

fn api_key(version: i32, scopes: &[ApiScope]) -> ApiKeyState {
    let right =
        ApiKeyRight { workspace: workspace(), hash: ApiKeyHash([7; 32]), scopes: scopes.to_vec(), expires_at: None, networks: vec![] };
    ApiKeyState { id: ApiKeyId::new(Millis(1), [3; 10]), version, right: (version == 1).then_some(right) }
}

/// Everything in the bucket, as anybody sees it who may read it.
async fn bucket(server: &NatsServer) -> String {
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let bucket = jetstream.get_key_value("links").await.unwrap();
    let mut keys = bucket.keys().await.unwrap();
    let mut text = String::new();
    while let Some(key) = keys.next().await {
        let key = key.unwrap();
        text += &format!("{key}={}\n", String::from_utf8_lossy(&bucket.get(&key).await.unwrap().unwrap()));
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_of_links_are_sealed_and_nobody_is_led_past_them() {
    let server = NatsServer::start();
    let (key, other) = (SealKey::generate(&Rng::System), SealKey::generate(&Rng::System));
    let with = async |key: Option<&SealKey>| LinkSnapshot::new(connect(&server).await).with_seal_key(key.cloned(), Rng::System);
    let (sealing, plain, foreign) = (with(Some(&key)).await, with(None).await, with(Some(&other)).await);
    sealing.ensure().await.unwrap();
    let secret = state("secret", 1, Some(HASH));
    let open = state("open", 1, None);
    for state in [&secret, &open] {
        assert!(sealing.put_if_newer(state).await.unwrap());
        assert!(!sealing.put_if_newer(state).await.unwrap());
    }
    assert!(!bucket(&server).await.contains("secret-hash"));
    assert_eq!(sealing.get(&secret.address).await.unwrap(), secret.link);
    for cannot in [&plain, &foreign] {
        assert!(matches!(cannot.get(&secret.address).await, Err(StreamError::Sealed)));
        assert_eq!(cannot.get(&open.address).await.unwrap(), open.link);
    }
    // Who has no key changes what is there only by a newer version, and writes it without its secrets.
    assert!(!plain.put_if_newer(&secret).await.unwrap());
    assert!(plain.put_if_newer(&state("secret", 2, Some(HASH))).await.unwrap());
    assert!(!bucket(&server).await.contains("secret-hash"));
    assert!(matches!(sealing.get(&secret.address).await, Err(StreamError::Sealed)));
    // Who has it mends that, and lowers no version.
    assert!(!sealing.put_if_newer(&secret).await.unwrap());
    assert!(sealing.put_if_newer(&state("secret", 2, Some(HASH))).await.unwrap());
    assert_eq!(sealing.get(&secret.address).await.unwrap().unwrap().version, 2);
    // A key that was replaced.
    assert!(foreign.put_if_newer(&state("secret", 2, Some(HASH))).await.unwrap());
    assert!(foreign.get(&secret.address).await.unwrap().unwrap().gate.unwrap().password.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_older_program_wrote_in_clear_is_sealed_by_the_next_write() {
    let server = NatsServer::start();
    let sealing = LinkSnapshot::new(connect(&server).await).with_seal_key(Some(SealKey::generate(&Rng::System)), Rng::System);
    sealing.ensure().await.unwrap();
    let secret = state("secret", 1, Some(HASH));
    sealing.put_if_newer(&secret).await.unwrap();
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let store = jetstream.get_key_value("links").await.unwrap();
    let name = bucket(&server).await.split('=').next().unwrap().to_owned();
    store.put(&name, [&[1], serde_json::to_vec(&secret).unwrap().as_slice()].concat().into()).await.unwrap();
    assert!(bucket(&server).await.contains("secret-hash"));
    assert_eq!(sealing.get(&secret.address).await.unwrap(), secret.link);
    assert!(sealing.put_if_newer(&secret).await.unwrap());
    assert!(!bucket(&server).await.contains("secret-hash"));
    assert_eq!(sealing.get(&secret.address).await.unwrap(), secret.link);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_not_brought_back_by_a_late_write() {
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    snapshot.ensure().await.unwrap();
    let (good, revoked) = (api_key(1, &[ApiScope::ClicksWrite]), api_key(2, &[]));
    assert!(matches!(snapshot.api_key(good.id).await, Err(StreamError::NotFilled)));
    // Links that an older program filled in say nothing of keys.
    let links = snapshot.begin_filling().await.unwrap().unwrap();
    assert!(snapshot.finish_filling(links).await.unwrap());
    assert!(matches!(snapshot.api_key(good.id).await, Err(StreamError::NotFilled)));
    let filling = snapshot.begin_filling_policies().await.unwrap().unwrap();
    assert!(snapshot.finish_filling(filling).await.unwrap());
    assert_eq!((snapshot.api_key(good.id).await.unwrap(), snapshot.workspace_policy(workspace()).await.unwrap()), (None, None));

    assert!(snapshot.put_api_key(&good).await.unwrap());
    assert_eq!(snapshot.api_key(good.id).await.unwrap(), Some(good.clone()));
    assert!(snapshot.put_api_key(&revoked).await.unwrap());
    assert!(!snapshot.put_api_key(&good).await.unwrap() && !snapshot.put_api_key(&revoked).await.unwrap());
    assert_eq!(snapshot.api_key(good.id).await.unwrap(), Some(revoked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_hear_of_keys_and_workspaces_too() {
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    let mut events = SnapshotNotices::new(snapshot.clone()).follow().await.unwrap();
    let key = api_key(1, &[]);
    let policy = WorkspacePolicy { version: 1, referrer_policy: Some(ReferrerPolicy::Origin), ..WorkspacePolicy::undecided(workspace()) };
    snapshot.put_api_key(&key).await.unwrap();
    snapshot.put_if_newer(&state("a", 1, None)).await.unwrap();
    snapshot.put_workspace_policy(&policy).await.unwrap();
    assert_eq!(snapshot.workspace_policy(workspace()).await.unwrap(), Some(policy));
    for expected in
        [LinkEvent::Key { id: key.id }, LinkEvent::Changed { address: LinkAddress::shared("a") }, LinkEvent::Workspace { id: workspace() }]
    {
        assert_eq!(tokio::time::timeout(PATIENCE, events.next()).await.unwrap(), Some(expected));
    }
}
