//! What every source of clicks keeps true.

use std::collections::HashMap;
use std::path::PathBuf;

use domain::{CapturedClick, ClickId, Shard};
use stream::{ClickSource, JetStreamSource, LocalSource, NatsClient, Spool};
use testkit::NatsServer;

use crate::fixture::{Shipping, append, clicks, connect, drain, open, ship};

/// A spool and what reads it, to be closed and opened again.
struct Way {
    folder: tempfile::TempDir,
    broker: Option<(NatsServer, NatsClient)>,
}

struct Opened {
    spool: Spool,
    source: Box<dyn ClickSource>,
    shipping: Option<Shipping>,
}

impl Way {
    fn local() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), broker: None }
    }

    async fn jetstream() -> Self {
        let server = NatsServer::start();
        let nats = connect(&server).await;
        Self { folder: tempfile::tempdir().unwrap(), broker: Some((server, nats)) }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn open(&self) -> Opened {
        let spool = open(&self.dir());
        match &self.broker {
            None => Opened { source: Box::new(LocalSource::new(spool.clone())), spool, shipping: None },
            Some((_, nats)) => {
                let shipping = Some(ship(&spool, nats));
                Opened { source: Box::new(JetStreamSource::new(nats.clone())), spool, shipping }
            }
        }
    }
}

impl Opened {
    async fn close(self) {
        if let Some(shipping) = self.shipping {
            shipping.stop().await;
        }
    }
}

fn by_shard(clicks: &[CapturedClick]) -> HashMap<Shard, Vec<ClickId>> {
    let mut by_shard: HashMap<Shard, Vec<ClickId>> = HashMap::new();
    for click in clicks {
        by_shard.entry(Shard::of(click.workspace)).or_default().push(click.id);
    }
    by_shard
}

async fn everything_comes_in_the_order_of_its_shard(way: Way) {
    let opened = way.open();
    let mut sent = append(&opened.spool, 0, 500);
    let received = drain(opened.source.lanes(), 500).await;
    assert_eq!(received.len(), 500);
    assert_eq!(by_shard(&received), by_shard(&sent));
    assert_eq!(received.iter().find(|click| click.id == sent[7].id), Some(&sent[7]));
    // While the lanes wait, too.
    sent = append(&opened.spool, 500, 510);
    assert_eq!(by_shard(&drain(opened.source.lanes(), 10).await), by_shard(&sent));
    opened.close().await;
}

async fn what_was_acked_does_not_come_again(way: Way) {
    let opened = way.open();
    append(&opened.spool, 0, 300);
    drain(opened.source.lanes(), 300).await;
    opened.close().await;
    let opened = way.open();
    let sent = append(&opened.spool, 300, 305);
    let received = drain(opened.source.lanes(), 5).await;
    assert_eq!(by_shard(&received), by_shard(&sent));
    opened.close().await;
}

async fn what_was_not_acked_comes_again(way: Way) {
    let opened = way.open();
    let sent = append(&opened.spool, 0, 50);
    let mut lanes = opened.source.lanes();
    for lane in &mut lanes {
        // Some lanes may have nothing.
        if let Ok(deliveries) = tokio::time::timeout(std::time::Duration::from_millis(300), lane.next(5)).await {
            assert!(!clicks(&deliveries.unwrap()).is_empty());
        }
    }
    drop(lanes);
    opened.close().await;
    let opened = way.open();
    let received = drain(opened.source.lanes(), 50).await;
    let mut ids: Vec<ClickId> = received.iter().map(|click| click.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), sent.len());
    opened.close().await;
}

macro_rules! conformance {
    ($($test:ident),+) => {
        mod local {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Way::local()).await;
            })+
        }
        mod jetstream {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Way::jetstream().await).await;
            })+
        }
    };
}

conformance!(everything_comes_in_the_order_of_its_shard, what_was_acked_does_not_come_again, what_was_not_acked_comes_again);
