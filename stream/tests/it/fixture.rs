//! Clicks, spools and connections to test with.

use std::path::Path;
use std::time::Duration;

use domain::{Address, CapturedClick, ClickId, LinkId, Loss, Method, Millis, Outcome, WorkspaceId};
use platform::config::Durability;
use platform::{Health, Metrics, Rng};
use stream::{Delivery, Lane, NatsClient, Shipper, Spool, SpoolOptions, decode_record};
use testkit::{NatsServer, wait_until};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn captured(workspace: WorkspaceId, number: u32) -> CapturedClick {
    CapturedClick {
        id: ClickId::new(Millis(1_772_366_400_000), Rng::System.entropy()),
        workspace,
        link: LinkId::new(Millis(0), [1; 10]),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: format!("http://go.example/a?n={number}"),
        target: "https://example.com/".into(),
        address: Address::Full([203, 0, 113, 1].into()),
        user_agent: Some("Mozilla/5.0".into()),
        referrer: None,
        accept_language: None,
        redirect_micros: number,
        rule: None,
        above_rate: false,
        signals: domain::Signals::default(),
        judged: None,
    }
}

pub fn workspace(number: u8) -> WorkspaceId {
    WorkspaceId::new(Millis(0), [number; 10])
}

pub fn open(dir: &Path) -> Spool {
    open_with(dir, Durability::Os, 16 * 1_024)
}

pub fn open_with(dir: &Path, durability: Durability, segment_bytes: u64) -> Spool {
    open_as(SpoolOptions { durability, segment_bytes, ..SpoolOptions::new(dir) })
}

pub fn open_as(options: SpoolOptions) -> Spool {
    Spool::open(options, &Rng::System, &Metrics::default()).unwrap()
}

/// Appends clicks `from..to` of several workspaces, and returns them.
pub fn append(spool: &Spool, from: u32, to: u32) -> Vec<CapturedClick> {
    (from..to)
        .map(|number| {
            let click = captured(workspace((number % 11) as u8), number);
            spool.append(&click).unwrap();
            click
        })
        .collect()
}

pub async fn connect(server: &NatsServer) -> NatsClient {
    let nats = NatsClient::connect(&server.url(), "test").await.unwrap();
    wait_until(PATIENCE, "a connection to NATS", async || nats.is_connected().then_some(())).await;
    nats
}

/// A shipper that runs until it is dropped.
pub struct Shipping {
    pub health: Health,
    metrics: Metrics,
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

/// A spool that keeps what was acked.
pub fn open_keeping(dir: &Path) -> Spool {
    open_as(SpoolOptions { segment_bytes: 16 * 1_024, keep_acked: Duration::from_secs(60), ..SpoolOptions::new(dir) })
}

pub fn ship(spool: &Spool, nats: &NatsClient) -> Shipping {
    let (health, metrics, stopping) = (Health::default(), Metrics::default(), CancellationToken::new());
    let shipper = Shipper::new(spool.clone(), nats.clone(), health.clone(), &metrics, Rng::System);
    let run = shipper.run(stopping.clone());
    let task = tokio::spawn(async move { run.await.unwrap() });
    Shipping { health, metrics, stopping, task }
}

impl Shipping {
    /// How often it found that the broker had fallen back.
    pub fn fallbacks(&self) -> u64 {
        self.shown("shipper_fallbacks_total")
    }

    /// How many clicks the broker has taken, each time counted.
    pub fn shipped(&self) -> u64 {
        self.shown("shipper_shipped_total")
    }

    /// When the broker's files were last tidied, in seconds.
    pub fn tidied(&self) -> i64 {
        self.shown("stream_tidied_timestamp_seconds")
    }

    fn shown<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, what: &str) -> T {
        let (metrics, name) = (self.metrics.encode(), format!("linklogger_{what} "));
        metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
    }

    pub async fn stop(self) {
        self.stopping.cancel();
        self.task.await.unwrap();
    }
}

/// The clicks of some deliveries, in order.
pub fn clicks(deliveries: &[Delivery]) -> Vec<CapturedClick> {
    deliveries.iter().flat_map(|delivery| &delivery.frame.records).map(|record| decode_record(record).unwrap()).collect()
}

/// Reads all lanes at once until `count` different clicks came, acking each delivery.
pub async fn drain(lanes: Vec<Box<dyn Lane>>, count: usize) -> Vec<CapturedClick> {
    drain_all(lanes, count, 0).await.0
}

/// Until `count` different clicks came and so many counted as lost; the counters in their largest
/// states.
pub async fn drain_all(lanes: Vec<Box<dyn Lane>>, count: usize, lost: u64) -> (Vec<CapturedClick>, Vec<Loss>) {
    let (found, mut received) = tokio::sync::mpsc::unbounded_channel();
    let enough = CancellationToken::new();
    let tasks: Vec<_> = lanes
        .into_iter()
        .map(|mut lane| {
            let (found, enough) = (found.clone(), enough.clone());
            tokio::spawn(async move {
                while let Some(deliveries) = enough.run_until_cancelled(lane.next(64)).await {
                    let deliveries = deliveries.unwrap();
                    let clicks = clicks(&deliveries);
                    let losses: Vec<Loss> = deliveries.iter().flat_map(|delivery| delivery.frame.losses.clone()).collect();
                    for delivery in deliveries {
                        delivery.ack().await.unwrap();
                    }
                    if found.send((clicks, losses)).is_err() {
                        break;
                    }
                }
                lane.leave().await;
            })
        })
        .collect();
    let mut all: Vec<CapturedClick> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut counters = std::collections::BTreeMap::<_, Loss>::new();
    let counted = |counters: &std::collections::BTreeMap<_, Loss>| counters.values().map(|loss| loss.count).sum::<u64>();
    while seen.len() < count || counted(&counters) < lost {
        let some = tokio::time::timeout(PATIENCE, received.recv()).await;
        let missing = || panic!("only {} of {count} clicks and {} of {lost} losses came", seen.len(), counted(&counters));
        let (clicks, losses) = some.unwrap_or_else(|_| missing()).unwrap();
        seen.extend(clicks.iter().map(|click| click.id));
        all.extend(clicks);
        for loss in losses {
            let state = counters.entry(loss.counter).or_insert(loss);
            state.count = state.count.max(loss.count);
        }
    }
    enough.cancel();
    for task in tasks {
        // Until it is gone it holds the spool.
        task.await.unwrap();
    }
    (all, counters.into_values().collect())
}
