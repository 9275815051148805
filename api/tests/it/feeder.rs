//! The feeder of the snapshot of links, between a store and a real nats-server.

use std::time::Duration;

use api::{LinkBacklog, LinkFeeder, resync_links};
use domain::{
    ApiKeyHash, ApiKeyId, ApiScope, LinkAddress, LinkChange, LinkId, NewLink, OwnHosts, RedirectStatus, ReferrerPolicy, ShortDomain, Slug,
    TargetUrl, WorkspaceId,
};
use platform::{Health, Lifecycle, Metrics, Readiness, Rng};
use store::{Access, NewApiKey, Store};
use stream::{LinkNotices as _, LinkSnapshot, NatsClient, SnapshotNotices};
use testkit::{NatsServer, wait_until};

use crate::fixture::{NOON, start, workspace_of};

const PATIENCE: Duration = Duration::from_secs(20);

fn target(text: &str) -> TargetUrl {
    TargetUrl::parse("targetUrl", text, OwnHosts::shared(&ShortDomain::parse("go.example").unwrap())).unwrap()
}

async fn create(store: &Store, workspace: WorkspaceId, slug: &str) -> LinkId {
    let new = NewLink {
        id: LinkId::new(NOON, Rng::System.entropy()),
        domain: None,
        slug: Slug::parse(slug).unwrap(),
        target: target("https://example.com/1"),
        title: None,
        external_id: None,
        about: domain::LinkAbout::default(),
        redirect_status: RedirectStatus::DEFAULT,
        forward_query: false,
        labels: domain::LinkLabels::default(),
        append_click_id: false,
        created_by: None,
        gate: domain::Gate::default(),
    };
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.create_link(&new, NOON).await.unwrap();
    scope.commit().await.unwrap();
    new.id
}

async fn update(store: &Store, workspace: WorkspaceId, id: LinkId) {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.update_link(id, LinkChange { target: Some(target("https://example.com/2")), ..LinkChange::default() }, None, NOON).await.unwrap();
    scope.commit().await.unwrap();
}

async fn nats(server: &NatsServer) -> NatsClient {
    let nats = NatsClient::connect(&server.url(), "test").await.unwrap();
    wait_until(PATIENCE, "a connection to NATS", async || nats.is_connected().then_some(())).await;
    nats
}

/// The value of a metric without labels.
fn value(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.encode();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("linklogger_{name} ")));
    line.unwrap_or_else(|| panic!("no metric {name} in\n{text}")).parse().unwrap()
}

async fn drained(store: &Store) {
    wait_until(PATIENCE, "the outbox is empty", async || store.link_outbox(1).await.unwrap().is_empty().then_some(())).await;
}

async fn version(snapshot: &LinkSnapshot, slug: &str) -> Option<i32> {
    snapshot.get(&LinkAddress::shared(slug)).await.unwrap().map(|link| link.version)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_feeders_bring_every_change_once_the_broker_is_there() {
    let running = start().await;
    let workspace = workspace_of(&running.ada().await).await;
    // From a time when there was no snapshot.
    create(&running.store, workspace, "before").await;
    let store = running.store.clone().with_link_outbox();
    let (mut server, lifecycle) = (NatsServer::start(), Lifecycle::new());
    let snapshot = LinkSnapshot::new(nats(&server).await);
    let (notices, health) = (SnapshotNotices::new(snapshot.clone()), Health::default());
    let metrics = [Metrics::default(), Metrics::default()];
    snapshot.register(&metrics[0]);
    let both = [notices.clone(), SnapshotNotices::new(LinkSnapshot::new(nats(&server).await))];
    for (notices, metrics) in both.into_iter().zip(&metrics) {
        let feeder = LinkFeeder {
            store: store.clone(),
            snapshot: snapshot.clone(),
            notices,
            rng: Rng::System,
            health: health.clone(),
            backlog: LinkBacklog::new(metrics),
        };
        lifecycle.spawn("link feeder", feeder.run(lifecycle.stopping().clone()));
    }
    let mut links = Vec::new();
    for index in 0..50 {
        links.push(create(&store, workspace, &format!("link-{index}")).await);
        notices.publish(stream::LinkEvent::Unsure).await;
    }
    drained(&store).await;
    wait_until(PATIENCE, "the bucket is full", async || snapshot.is_filled().await.unwrap().then_some(())).await;
    assert_eq!(
        (version(&snapshot, "before").await, version(&snapshot, "link-49").await, version(&snapshot, "none").await),
        (Some(1), Some(1), None)
    );

    server.kill();
    for id in &links {
        update(&store, workspace, *id).await;
    }
    wait_until(PATIENCE, "the feeder says that it cannot", async || (health.snapshot().status == Readiness::Degraded).then_some(())).await;
    assert_eq!(store.link_outbox(100).await.unwrap().len(), 50);
    // Both say how much waits, and that it gets older.
    for metrics in &metrics {
        wait_until(PATIENCE, "the backlog is told", async || (value(metrics, "link_outbox_rows") == 50).then_some(())).await;
        wait_until(PATIENCE, "its age is told", async || (value(metrics, "link_outbox_oldest_seconds") > 0).then_some(())).await;
    }
    server.restart();
    drained(&store).await;
    for index in 0..50 {
        assert_eq!(version(&snapshot, &format!("link-{index}")).await, Some(2));
    }
    wait_until(PATIENCE, "the feeder says that it can", async || (health.snapshot().status == Readiness::Ready).then_some(())).await;
    for metrics in &metrics {
        wait_until(PATIENCE, "nothing waits", async || {
            (value(metrics, "link_outbox_rows") == 0 && value(metrics, "link_outbox_oldest_seconds") == 0).then_some(())
        })
        .await;
    }
    // Each of the 51 links, and each of 50 again; whoever came second wrote nothing.
    assert_eq!(value(&metrics[0], "link_snapshot_writes_total"), 101);
    lifecycle.stop();
    assert!(lifecycle.drained(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_brings_every_link_and_lowers_no_version() {
    let running = start().await;
    let (store, workspace) = (&running.store, workspace_of(&running.ada().await).await);
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(nats(&server).await);
    // More than one batch.
    for index in 0..1_100 {
        create(store, workspace, &format!("link-{index}")).await;
    }
    let mut newer = store.links_after(None, 1).await.unwrap().remove(0);
    newer.version = 9;
    newer.link.as_mut().unwrap().version = 9;
    snapshot.ensure().await.unwrap();
    snapshot.put_if_newer(&newer).await.unwrap();
    for _ in 0..2 {
        assert_eq!(resync_links(store, &snapshot).await.unwrap(), 1_100);
        assert_eq!((version(&snapshot, "link-1099").await, version(&snapshot, &newer.address.folded).await), (Some(1), Some(9)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_policies_are_fed_like_links() {
    let running = start().await;
    let store = running.store.clone().with_link_outbox();
    let workspace = workspace_of(&running.ada().await).await;
    let key = async |now: i64| {
        let (scope, id) = (store.workspace(workspace, Access::Write).await.unwrap(), ApiKeyId::new(NOON, Rng::System.entropy()));
        let new = NewApiKey {
            created_by: None,
            id,
            name: "key".into(),
            hash: ApiKeyHash([1; 32]),
            scopes: vec![ApiScope::ClicksWrite],
            expires_at: None,
            networks: vec![],
        };
        scope.create_api_key(&new, &target("https://example.com/"), NOON.plus(now)).await.unwrap();
        scope.commit().await.unwrap();
        id
    };
    let before = running.store.clone();
    let scope = before.workspace(workspace, Access::Write).await.unwrap();
    // Decided before there was a snapshot: only filling brings it.
    scope.set_referrer_policy(Some(ReferrerPolicy::Origin)).await.unwrap();
    scope.commit().await.unwrap();
    let first = key(0).await;
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(nats(&server).await);
    let notices = SnapshotNotices::new(snapshot.clone());
    let (lifecycle, health) = (Lifecycle::new(), Health::default());
    let feeder = LinkFeeder {
        store: store.clone(),
        snapshot: snapshot.clone(),
        notices: notices.clone(),
        rng: Rng::System,
        health,
        backlog: LinkBacklog::new(&Metrics::default()),
    };
    lifecycle.spawn("link feeder", feeder.run(lifecycle.stopping().clone()));
    wait_until(PATIENCE, "the policy is filled in", async || {
        snapshot.workspace_policy(workspace).await.ok().flatten().filter(|policy| policy.referrer_policy == Some(ReferrerPolicy::Origin))
    })
    .await;
    assert_eq!(snapshot.api_key(first).await.unwrap(), store.api_key(first).await.unwrap());
    let second = key(1).await;
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.revoke_api_key(first, NOON).await.unwrap();
    scope.commit().await.unwrap();
    notices.publish(stream::LinkEvent::Key { id: first }).await;
    for (id, good) in [(first, false), (second, true)] {
        wait_until(PATIENCE, "the key is as it is", async || {
            snapshot.api_key(id).await.ok().flatten().filter(|state| state.right.is_some() == good)
        })
        .await;
    }
    wait_until(PATIENCE, "the outbox is empty", async || store.policy_outbox(1).await.unwrap().is_empty().then_some(())).await;
    lifecycle.stop();
    assert!(lifecycle.drained(PATIENCE).await);
}
