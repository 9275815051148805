//! The broker away, killed, wiped: nothing is lost.

use std::collections::HashSet;

use async_nats::HeaderMap;
use async_nats::header::NATS_ROLLUP;
use domain::ClickId;
use stream::{ClickSource, JetStreamSource, NatsClient, Spool, SpoolFolder};
use testkit::{NatsServer, wait_until};

use crate::fixture::{PATIENCE, append, connect, drain, open, open_keeping, ship};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_late_gets_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start();
    server.kill();
    let nats = NatsClient::connect(&server.url(), "test").await.unwrap();
    let spool = open(folder.path());
    append(&spool, 0, 100);
    let shipping = ship(&spool, &nats);
    wait_until(PATIENCE, "the shipper says that it is degraded", async || {
        (shipping.health.snapshot().status == platform::Readiness::Degraded).then_some(())
    })
    .await;
    server.restart();
    assert_eq!(drain(JetStreamSource::new(nats).lanes(), 100).await.len(), 100);
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_in_the_middle_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start();
    let nats = connect(&server).await;
    let spool = open(folder.path());
    let shipping = ship(&spool, &nats);
    let reading = tokio::spawn(drain(JetStreamSource::new(nats).lanes(), 3_000));
    let mut sent = HashSet::new();
    for part in 0..3 {
        sent.extend(append(&spool, part * 1_000, (part + 1) * 1_000).iter().map(|click| click.id));
        server.restart();
    }
    let received: HashSet<ClickId> = reading.await.unwrap().iter().map(|click| click.id).collect();
    assert_eq!(received, sent);
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_vanished_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = NatsServer::start();
    let nats = connect(&server).await;
    let spool = open(folder.path());
    let shipping = ship(&spool, &nats);
    let source = JetStreamSource::new(nats);
    append(&spool, 0, 10);
    drain(source.lanes(), 10).await;
    let admin = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    // What was acked goes too: the broker may have lost it.
    let reading = tokio::spawn(drain(source.lanes(), 20));
    admin.delete_stream("CLICKS").await.unwrap();
    append(&spool, 10, 20);
    reading.await.unwrap();
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_broker_is_sent_again_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start();
    let nats = connect(&server).await;
    let spool = open_keeping(folder.path());
    let shipping = ship(&spool, &nats);
    let source = JetStreamSource::new(nats.clone());
    append(&spool, 0, 500);
    drain(source.lanes(), 500).await;
    server.wipe();
    assert_eq!(drain(source.lanes(), 500).await.len(), 500);
    // Also when the redirector was away meanwhile.
    shipping.stop().await;
    drop(spool);
    server.wipe();
    let spool = open_keeping(folder.path());
    let shipping = ship(&spool, &nats);
    append(&spool, 500, 510);
    drain(source.lanes(), 510).await;
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_restored_from_an_older_state_is_sent_again_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start();
    let nats = connect(&server).await;
    let spool = open_keeping(folder.path());
    let shipping = ship(&spool, &nats);
    let source = JetStreamSource::new(nats);
    append(&spool, 0, 100);
    drain(source.lanes(), 100).await;
    server.kill();
    let copy = folder.path().join("copy");
    copy_folder(&server.store(), &copy);
    server.restart();
    append(&spool, 100, 200);
    drain(source.lanes(), 100).await;
    server.kill();
    std::fs::remove_dir_all(server.store()).unwrap();
    copy_folder(&copy, &server.store());
    server.restart();
    drain(source.lanes(), 200).await;
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_a_broker_fell_back_is_seen_whatever_others_have_sent_since() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start();
    let nats = connect(&server).await;
    let spool = |name: &str| open_keeping(&folder.path().join(name));
    let (quiet, busy) = (spool("quiet"), spool("busy"));
    // A stop sends what was appended, and marks it.
    let send = async |spool: &Spool, from, to| {
        let shipping = ship(spool, &nats);
        append(spool, from, to);
        shipping.stop().await;
    };
    send(&quiet, 0, 10).await;
    send(&busy, 1_000, 1_010).await;
    server.kill();
    let copy = folder.path().join("copy");
    copy_folder(&server.store(), &copy);
    server.restart();
    send(&quiet, 10, 30).await;
    let last = last_sequence(&server).await;
    server.kill();
    std::fs::remove_dir_all(server.store()).unwrap();
    copy_folder(&copy, &server.store());
    server.restart();
    for part in 0..20 {
        send(&busy, 1_010 + part * 100, 1_110 + part * 100).await;
    }
    assert!(last_sequence(&server).await > last, "the others have sent more than what is lost");
    let shipping = ship(&quiet, &nats);
    drain(JetStreamSource::new(nats.clone()).lanes(), 30 + 2_010).await;
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acked_since_a_mark_is_sent_again_where_the_next_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = NatsServer::start();
    let nats = connect(&server).await;
    let spool = open_keeping(folder.path());
    let shipping = ship(&spool, &nats);
    let source = JetStreamSource::new(nats);
    append(&spool, 0, 10);
    drain(source.lanes(), 10).await;
    let tool = SpoolFolder::new(folder.path()).unwrap();
    let marked = async || tool.inspect().unwrap().id.filter(|_| tool.inspect().unwrap().unshipped == 0);
    let id = wait_until(PATIENCE, "a mark of all clicks", marked).await;
    let admin = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = admin.get_stream("CLICKS").await.unwrap();
    let mark = async || stream.get_last_raw_message_by_subject(&format!("clicks.v1.mark-{id:016x}")).await.unwrap();
    // Another number than the one that the spool's next comes after, as when a broker fell back.
    let (before, headers) = (mark().await, HeaderMap::from_iter([(NATS_ROLLUP, "sub".into())]));
    let moved = admin.publish_with_headers(before.subject, headers, before.payload.clone()).await.unwrap().await.unwrap();
    append(&spool, 10, 20);
    wait_until(PATIENCE, "the clicks since are sent twice", async || (shipping.shipped() >= 30).then_some(())).await;
    wait_until(PATIENCE, "a mark of them", async || (mark().await.sequence > moved.sequence).then_some(())).await;
    assert!(mark().await.payload != before.payload);
    assert_eq!(shipping.fallbacks(), 0);
    drain(source.lanes(), 10).await;
    shipping.stop().await;
}

async fn last_sequence(server: &NatsServer) -> u64 {
    let admin = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    admin.get_stream("CLICKS").await.unwrap().cached_info().state.last_sequence
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}
