//! Of several workers one at a time reads a shard, and another one does where that one leaves.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PriorityPolicy, ReplayPolicy, pull};
use domain::Shard;
use stream::{ClickSource, JetStreamSource};
use testkit::{NatsServer, wait_until};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fixture::{PATIENCE, append, connect, drain, open, ship, workspace};

/// Which worker read how many clicks of a shard.
type Read = (&'static str, Shard, usize);

/// All lanes of a connection of its own.
struct Worker {
    stopping: CancellationToken,
    lanes: Vec<JoinHandle<()>>,
}

impl Worker {
    async fn start(server: &NatsServer, name: &'static str, reads: &UnboundedSender<Read>) -> Self {
        let (source, stopping) = (JetStreamSource::new(connect(server).await), CancellationToken::new());
        let lanes = source.lanes().into_iter().map(|mut lane| {
            let (reads, stopping) = (reads.clone(), stopping.clone());
            tokio::spawn(async move {
                while let Some(deliveries) = stopping.run_until_cancelled(lane.next(64)).await {
                    for delivery in deliveries.unwrap() {
                        let count = delivery.frame.records.len();
                        let read = (name, delivery.frame.shard, count);
                        delivery.ack().await.unwrap();
                        let _ = reads.send(read);
                    }
                }
                lane.leave().await;
            })
        });
        Self { lanes: lanes.collect(), stopping }
    }

    async fn stop(self) {
        self.stopping.cancel();
        for lane in self.lanes {
            lane.await.unwrap();
        }
    }
}

/// Who read each shard while so many clicks came.
async fn readers(reads: &mut UnboundedReceiver<Read>, clicks: usize, patience: Duration) -> HashMap<Shard, BTreeSet<&'static str>> {
    let (mut readers, mut came) = (HashMap::<_, BTreeSet<_>>::new(), 0);
    while came < clicks {
        let read = tokio::time::timeout(patience, reads.recv()).await;
        let (name, shard, count) = read.unwrap_or_else(|_| panic!("{came} of {clicks} clicks came in time")).unwrap();
        readers.entry(shard).or_default().insert(name);
        came += count;
    }
    readers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_at_a_time_reads_a_shard_and_who_leaves_hands_it_over() {
    let (folder, server) = (tempfile::tempdir().unwrap(), NatsServer::start());
    let spool = open(folder.path());
    let shipping = ship(&spool, &connect(&server).await);
    let (told, mut reads) = unbounded_channel();
    let one = Worker::start(&server, "one", &told).await;
    let two = Worker::start(&server, "two", &told).await;
    let mut all = HashMap::<Shard, BTreeSet<_>>::new();
    for part in 0..40 {
        append(&spool, part * 25, (part + 1) * 25);
        for (shard, names) in readers(&mut reads, 25, PATIENCE).await {
            all.entry(shard).or_default().extend(names);
        }
    }
    assert!(all.len() > 1 && all.values().all(|names| names.len() == 1), "{all:?}");
    one.stop().await;
    append(&spool, 1_000, 1_100);
    // Sooner than a pin ends by itself.
    let after = readers(&mut reads, 100, Duration::from_secs(4)).await;
    assert!(after.values().all(|names| names.iter().copied().eq(["two"])), "{after:?}");
    two.stop().await;
    shipping.stop().await;
}

/// The shard of some of the clicks.
fn shard() -> Shard {
    Shard::of(workspace(0))
}

fn consumer() -> String {
    format!("worker-{}", shard().index())
}

/// A stream with a consumer of that shard that an older program made.
async fn with_older_consumer(server: &NatsServer, replay_policy: ReplayPolicy) -> async_nats::jetstream::stream::Stream {
    // Whoever reads makes the stream.
    let nats = connect(server).await;
    let mut lanes = JetStreamSource::new(nats).lanes();
    let admin = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = wait_until(PATIENCE, "the stream and its consumer", async || {
        let _ = tokio::time::timeout(Duration::from_millis(200), lanes[usize::from(shard().index())].next(1)).await;
        let stream = admin.get_stream("CLICKS").await.ok()?;
        stream.consumer_info(consumer()).await.ok().map(|_| stream)
    })
    .await;
    drop(lanes);
    stream.delete_consumer(&consumer()).await.unwrap();
    let older = pull::Config {
        durable_name: Some(consumer()),
        filter_subject: format!("clicks.v1.{}", shard().index()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(10),
        max_deliver: -1,
        replay_policy,
        ..pull::Config::default()
    };
    stream.create_consumer(older).await.unwrap();
    stream
}

async fn policy_once_read(replay_policy: ReplayPolicy) -> PriorityPolicy {
    let (folder, server) = (tempfile::tempdir().unwrap(), NatsServer::start());
    let stream = with_older_consumer(&server, replay_policy).await;
    let nats = connect(&server).await;
    let spool = open(folder.path());
    let shipping = ship(&spool, &nats);
    append(&spool, 0, 100);
    assert_eq!(drain(JetStreamSource::new(nats).lanes(), 100).await.len(), 100);
    shipping.stop().await;
    stream.consumer_info(consumer()).await.unwrap().config.priority_policy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_of_an_older_program_is_pinned_from_now_on() {
    assert_eq!(policy_once_read(ReplayPolicy::Instant).await, PriorityPolicy::PinnedClient);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_cannot_be_pinned_is_read_all_the_same() {
    // A broker refuses to change it, and the rest with it.
    assert_eq!(policy_once_read(ReplayPolicy::Original).await, PriorityPolicy::None);
}
