//! What the snapshot of links keeps true, on a real nats-server.

use std::time::Duration;

use domain::{
    ApiKeyId, ApiKeyState, DomainId, DomainSettings, DomainState, HostName, LinkAddress, LinkId, LinkState, Millis, RedirectStatus,
    ResolvedLink, ServedDomain, TargetUrl, WorkspaceId, WorkspacePolicy,
};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use stream::{ClickSource as _, JetStreamSource, LinkEvent, LinkNotices as _, LinkSnapshot, SnapshotNotices, StreamError};
use testkit::{NatsServer, wait_until};

use crate::fixture::{PATIENCE, connect};

const SECOND: Duration = Duration::from_secs(1);

fn state(slug: &str, version: i32) -> LinkState {
    let id = LinkId::new(Millis(1), [1; 10]);
    let link = ResolvedLink {
        id,
        workspace: WorkspaceId::new(Millis(1), [2; 10]),
        version,
        target: TargetUrl::from_store(format!("https://example.com/{version}")),
        redirect_status: RedirectStatus::DEFAULT,
        forward_query: false,
        append_click_id: false,
        deleted: false,
        gate: None,
        card: None,
    };
    LinkState { address: LinkAddress::shared(slug), id, version, link: Some(link) }
}

fn changed(slug: &str) -> LinkEvent {
    LinkEvent::Changed { address: LinkAddress::shared(slug) }
}

async fn version(snapshot: &LinkSnapshot, slug: &str) -> Option<i32> {
    snapshot.get(&LinkAddress::shared(slug)).await.unwrap().map(|link| link.version)
}

async fn fill(snapshot: &LinkSnapshot) {
    let filling = snapshot.begin_filling().await.unwrap().unwrap();
    assert!(snapshot.finish_filling(filling).await.unwrap());
}

async fn wipe(server: &NatsServer) {
    let admin = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    admin.delete_stream("KV_links").await.unwrap();
}

/// Also where it is as large as all the room that there is, and made first, by who knows no links.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_of_clicks_leaves_room_for_links() {
    let server = NatsServer::start_with_room("64MB");
    let mut lanes = JetStreamSource::new(connect(&server).await).lanes();
    let _ = tokio::time::timeout(SECOND, lanes[0].next(1)).await;
    let admin = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    wait_until(PATIENCE, "the stream is made", async || admin.get_stream("CLICKS").await.ok()).await;
    let snapshot = LinkSnapshot::new(connect(&server).await);
    wait_until(PATIENCE, "the bucket is there", async || snapshot.ensure().await.ok()).await;
    fill(&snapshot).await;
    assert!(snapshot.put_if_newer(&state("a", 1)).await.unwrap());
    assert_eq!(version(&snapshot, "a").await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_in_any_order_end_with_the_highest_version() {
    let server = NatsServer::start();
    let snapshots = join_all((0..4).map(async |_| LinkSnapshot::new(connect(&server).await))).await;
    snapshots[0].ensure().await.unwrap();
    fill(&snapshots[0]).await;
    for seed in 1..6_i32 {
        let slug = format!("slug-{seed}");
        // A different order for each writer and round; 17 is the highest of all.
        let writing = snapshots.iter().zip(1_i32..).map(|(snapshot, writer)| {
            let slug = slug.clone();
            async move {
                for step in 0..17 {
                    snapshot.put_if_newer(&state(&slug, (step * (seed + writer) + seed * 7) % 17 + 1)).await.unwrap();
                }
                snapshot.put_if_newer(&state(&slug, 17)).await.unwrap();
            }
        });
        join_all(writing).await;
        for snapshot in &snapshots {
            assert_eq!(version(snapshot, &slug).await, Some(17));
        }
        assert!(
            !snapshots[0].put_if_newer(&state(&slug, 17)).await.unwrap() && !snapshots[0].put_if_newer(&state(&slug, 3)).await.unwrap()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_write_does_not_bring_back_what_went() {
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    snapshot.ensure().await.unwrap();
    fill(&snapshot).await;
    let deleted = |version| {
        let mut state = state("deleted", version);
        state.link.as_mut().unwrap().deleted = true;
        state
    };
    assert!(snapshot.put_if_newer(&state("deleted", 1)).await.unwrap());
    assert!(snapshot.put_if_newer(&deleted(3)).await.unwrap());
    assert!(!snapshot.put_if_newer(&state("deleted", 2)).await.unwrap());
    assert!(snapshot.get(&LinkAddress::shared("deleted")).await.unwrap().unwrap().deleted);
    // The same version is written only if it says more than is known.
    assert!(!snapshot.put_if_newer(&deleted(3)).await.unwrap());
    let mut more = deleted(3);
    more.link.as_mut().unwrap().forward_query = true;
    assert!(snapshot.put_if_newer(&more).await.unwrap());
    // An address that the link has left.
    assert!(snapshot.put_if_newer(&LinkState { link: None, ..state("left", 4) }).await.unwrap());
    assert!(!snapshot.put_if_newer(&state("left", 3)).await.unwrap());
    assert_eq!(version(&snapshot, "left").await, None);
    // Another link takes it, whose versions begin anew.
    let other = LinkState { id: LinkId::new(Millis(9), [9; 10]), ..state("left", 1) };
    assert!(snapshot.put_if_newer(&other).await.unwrap());
    assert_eq!(version(&snapshot, "left").await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_no_link_only_in_a_bucket_that_was_filled() {
    let mut server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    let missing = LinkAddress::shared("missing");
    assert!(matches!(snapshot.get(&missing).await, Err(StreamError::Broker(_))), "no bucket");
    let first = snapshot.begin_filling().await.unwrap().unwrap();
    assert!(matches!(snapshot.get(&missing).await, Err(StreamError::NotFilled)));
    // Two fill at once: the first at the end speaks for both.
    let second = snapshot.begin_filling().await.unwrap().unwrap();
    assert!(snapshot.finish_filling(second).await.unwrap());
    assert!(!snapshot.finish_filling(first).await.unwrap());
    assert_eq!(snapshot.get(&missing).await.unwrap(), None);
    assert!(snapshot.begin_filling().await.unwrap().is_none());
    snapshot.put_if_newer(&state("kept", 1)).await.unwrap();
    server.restart();
    wait_until(PATIENCE, "the link after a restart", async || snapshot.get(&LinkAddress::shared("kept")).await.ok().flatten()).await;
    // Wiped while it is filled again, it is not taken for full.
    wipe(&server).await;
    assert!(matches!(snapshot.get(&missing).await, Err(StreamError::Broker(_))), "wiped");
    let begun = snapshot.begin_filling().await.unwrap().unwrap();
    wipe(&server).await;
    let again = snapshot.begin_filling().await.unwrap().unwrap();
    assert!(!snapshot.finish_filling(begun).await.unwrap());
    assert!(matches!(snapshot.get(&missing).await, Err(StreamError::NotFilled)));
    assert!(snapshot.finish_filling(again).await.unwrap());
    server.kill();
    wait_until(PATIENCE, "an error without a broker", async || snapshot.get(&missing).await.err()).await;
}

async fn next(events: &mut BoxStream<'static, LinkEvent>, limit: Duration) -> Option<LinkEvent> {
    tokio::time::timeout(limit, events.next()).await.expect("a notice in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_follower_hears_of_what_is_written() {
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    let notices = SnapshotNotices::new(snapshot.clone());
    let mut followers =
        [notices.follow().await.unwrap(), SnapshotNotices::new(LinkSnapshot::new(connect(&server).await)).follow().await.unwrap()];
    for round in 1..4 {
        snapshot.put_if_newer(&state("a", round)).await.unwrap();
        for events in &mut followers {
            assert_eq!(next(events, SECOND).await, Some(changed("a")));
        }
    }
    // Publishing is for the feeder of the same process.
    notices.publish(changed("a")).await;
    tokio::time::timeout(SECOND, notices.woken()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_end_when_they_may_have_missed_something() {
    let mut server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    let notices = SnapshotNotices::new(snapshot.clone());
    let mut events = notices.follow().await.unwrap();
    server.restart();
    assert_eq!(next(&mut events, PATIENCE).await, None);
    let mut events = notices.follow().await.unwrap();
    wipe(&server).await;
    assert_eq!(next(&mut events, PATIENCE).await, None);
    // A bucket made anew counts from one again.
    let mut events = notices.follow().await.unwrap();
    snapshot.put_if_newer(&state("b", 1)).await.unwrap();
    assert_eq!(next(&mut events, SECOND).await, Some(changed("b")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_are_kept_beside_the_links() {
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    let mut events = SnapshotNotices::new(snapshot.clone()).follow().await.unwrap();
    let host = HostName::from_store("go.acme.example".into());
    assert!(matches!(snapshot.domain(&host).await, Err(StreamError::NotFilled)));
    fill(&snapshot).await;
    assert_eq!(snapshot.domain(&host).await.unwrap(), None);
    let id = DomainId::new(Millis(1), [1; 10]);
    let served = |version| ServedDomain {
        id,
        workspace: WorkspaceId::new(Millis(1), [2; 10]),
        host: host.clone(),
        version,
        settings: DomainSettings { hsts: true, ..DomainSettings::default() },
    };
    let state = |version, is_served: bool| DomainState { host: host.clone(), id, version, domain: is_served.then(|| served(version)) };
    assert!(snapshot.put_domain_if_newer(&state(2, true)).await.unwrap());
    assert_eq!(next(&mut events, SECOND).await, Some(LinkEvent::HostChanged { host: host.clone() }));
    assert_eq!(snapshot.domain(&host).await.unwrap(), Some(served(2)));
    assert!(snapshot.put_domain_if_newer(&state(3, false)).await.unwrap());
    // What comes late does not bring it back.
    assert!(!snapshot.put_domain_if_newer(&state(2, true)).await.unwrap());
    assert_eq!(snapshot.domain(&host).await.unwrap(), None);
    // The same slug on two domains is two links.
    let on_it = LinkState { address: LinkAddress::on(id, "a"), ..self::state("a", 7) };
    assert!(snapshot.put_if_newer(&on_it).await.unwrap() && snapshot.put_if_newer(&self::state("a", 1)).await.unwrap());
    assert_eq!(snapshot.get(&on_it.address).await.unwrap().unwrap().version, 7);
    assert_eq!(version(&snapshot, "a").await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newer_program_wrote_stays_and_holds_up_nothing_else() {
    const NEWER: &[u8] = b"\x63{}";
    let server = NatsServer::start();
    let snapshot = LinkSnapshot::new(connect(&server).await);
    snapshot.ensure().await.unwrap();
    let host = DomainState {
        host: HostName::from_store("go.acme.example".into()),
        id: DomainId::new(Millis(1), [1; 10]),
        version: 1,
        domain: None,
    };
    let policy = WorkspacePolicy::undecided(WorkspaceId::new(Millis(1), [2; 10]));
    let key = ApiKeyState { id: ApiKeyId::new(Millis(1), [3; 10]), version: 1, right: None };
    // Each kind of value, in this order.
    let put = async |version| {
        let (link, host) = (state("a", version), DomainState { version, ..host.clone() });
        let (policy, key) = (WorkspacePolicy { version, ..policy.clone() }, ApiKeyState { version, ..key.clone() });
        [
            snapshot.put_if_newer(&link).await.unwrap(),
            snapshot.put_domain_if_newer(&host).await.unwrap(),
            snapshot.put_workspace_policy(&policy).await.unwrap(),
            snapshot.put_api_key(&key).await.unwrap(),
        ]
    };
    assert_eq!(put(1).await, [true; 4]);
    let admin = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let bucket = admin.get_key_value("links").await.unwrap();
    let keys: Vec<String> = bucket.keys().await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(keys.len(), 4);
    for key in &keys {
        bucket.put(key, NEWER.into()).await.unwrap();
    }
    assert_eq!(put(2).await, [false; 4]);
    for key in &keys {
        assert_eq!(bucket.get(key).await.unwrap().unwrap(), NEWER);
    }
    let error = snapshot.get(&LinkAddress::shared("a")).await.unwrap_err();
    assert!(error.to_string().contains("in the form 99 by a newer program"), "{error}");
    assert!(snapshot.put_if_newer(&state("b", 2)).await.unwrap());
}
