//! The one place that chooses how the roles meet: within this process, or over NATS. No role
//! knows which.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::{LinkBacklog, LinkFeeder, PermitService};
use platform::config::{Config, LinksFrom};
use platform::{Clock, DurabilityClass, Health, Lifecycle, Metrics, Readiness, Rng, SealKey};
use redirector::{LinkSource, PermitSource, PolicySource, SaltSource};
use store::Store;
use stream::{
    ClickSource, JetStreamSource, LinkNotices, LinkSnapshot, LiveFeed, LocalFeed, LocalNotices, LocalSource, NatsClient, NatsFeed,
    PermitClient, Shipper, SnapshotNotices, Spool, SpoolOptions,
};
use tokio_util::sync::CancellationToken;
use worker::Salts;

use crate::links::{AskedPermits, SnapshotLinks, StoredLinks};
use crate::policies::{SnapshotPolicies, StoredPolicies};
use crate::salts::{self, AskedSalts, StoredSalts};

/// How long acked segments stay for a broker that may fall back; in one process there is none. Together
/// with the two minutes in which a segment gathers, a record stays for 15 minutes after its ack.
const KEEP_ACKED: Duration = Duration::from_secs(13 * 60);

/// How long the first connection may be on its way before it is told of.
const CONNECTING: Duration = Duration::from_secs(2);

const UNKNOWN_ACKS: &str = "fsync if the server runs with sync_interval: always, else os; LINKLOGGER_NATS_MONITOR_URL tells which";

const NO_BROKER: &str = "NATS does not answer: clicks wait in the spool, and live clicks come late. Start it, or mend LINKLOGGER_NATS_URL.";
const NOT_FILLED: &str = "The snapshot of links is not filled yet: links that are not cached get 503. \
                          Start an api, which fills it, or run `linklogger links resync`.";
const NO_SNAPSHOT: &str = "The snapshot of links cannot be read: links that are not cached get 503. \
                           Start NATS with JetStream, or mend LINKLOGGER_NATS_URL.";

/// The same on a full disk: a NATS server that is killed forgets what it acked in its last moments.
const SETTLE: Duration = Duration::from_secs(3);

/// The seams between the roles of this process and the others.
#[derive(Debug)]
pub(crate) struct Seams {
    pub feed: Arc<dyn LiveFeed>,
    pub notices: Arc<dyn LinkNotices>,
    /// With the role redirector.
    pub spool: Option<Spool>,
    /// With the role redirector.
    pub links: Option<Arc<dyn LinkSource>>,
    /// With the role redirector.
    pub permits: Option<Arc<dyn PermitSource>>,
    /// With the role redirector.
    pub policies: Option<Arc<dyn PolicySource>>,
    /// With the role redirector.
    pub salts: Option<Arc<dyn SaltSource>>,
    /// With the role worker.
    pub source: Option<Box<dyn ClickSource>>,
}

/// What the seams are made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'a> {
    pub config: &'a Config,
    /// None for a redirector that uses no database.
    pub store: Option<&'a Store>,
    /// Those of that database.
    pub salts: Option<&'a Salts>,
    pub seal_key: Option<&'a SealKey>,
    pub clock: &'a Clock,
    pub rng: &'a Rng,
    pub health: &'a Health,
    pub metrics: &'a Metrics,
    pub lifecycle: &'a Lifecycle,
}

impl Seams {
    pub async fn new(means: Means<'_>) -> anyhow::Result<Self> {
        let Means { config, store, salts, seal_key, clock, rng, health, metrics, lifecycle } = means;
        let stored = store.map(|store| Arc::new(StoredLinks { store: store.clone(), clock: clock.clone() }));
        let links = stored.clone().map(|stored| stored as Arc<dyn LinkSource>);
        let permits = stored.map(|stored| stored as Arc<dyn PermitSource>);
        let policies = store.map(|store| Arc::new(StoredPolicies(store.clone())) as Arc<dyn PolicySource>);
        let spool = config.roles.redirector.then(|| open_spool(config, rng, health, metrics)).transpose()?;
        let Some(url) = &config.nats_url else {
            let source =
                spool.clone().filter(|_| config.roles.worker).map(|spool| Box::new(LocalSource::new(spool)) as Box<dyn ClickSource>);
            let (feed, notices) = (Arc::new(LocalFeed::default()), Arc::new(LocalNotices::default()));
            let salts = salts.map(|salts| Arc::new(StoredSalts { salts: salts.clone(), clock: clock.clone() }) as Arc<dyn SaltSource>);
            return Ok(Self { feed, notices, spool, links, permits, policies, salts, source });
        };
        let nats = NatsClient::connect(url, "linklogger").await?.with_stream_quota(config.stream_quota);
        health.durability("broker", DurabilityClass::Unknown, UNKNOWN_ACKS);
        if let Some(monitor) = config.nats_monitor_url.clone() {
            let watch = watch_acks(nats.clone(), monitor, health.clone(), lifecycle.stopping().clone());
            lifecycle.spawn("broker durability", watch);
        }
        lifecycle.spawn("broker health", watch(nats.clone(), health.clone(), lifecycle.stopping().clone()));
        if let Some(spool) = &spool {
            let shipper = Shipper::new(spool.clone(), nats.clone(), health.clone(), metrics, rng.clone());
            lifecycle.spawn("shipper", shipper.run(lifecycle.stopping().clone()));
        }
        let source = config.roles.worker.then(|| Box::new(JetStreamSource::new(nats.clone())) as Box<dyn ClickSource>);
        if let Some((salts, key)) = salts.filter(|_| config.roles.worker).zip(seal_key) {
            let service = salts::serve(nats.clone(), key.clone(), salts.clone(), clock.clone(), rng.clone(), lifecycle.stopping().clone());
            lifecycle.spawn("salt service", service);
        }
        let salts = Some(Arc::new(AskedSalts::new(nats.clone(), seal_key.cloned())) as Arc<dyn SaltSource>);
        let snapshot = LinkSnapshot::new(nats.clone()).with_seal_key(seal_key.cloned(), rng.clone());
        let notices = SnapshotNotices::new(snapshot.clone());
        if let Some(store) = store.filter(|_| config.roles.api) {
            let service = PermitService { store: store.clone(), nats: nats.clone(), clock: clock.clone() };
            lifecycle.spawn("permit service", service.run(lifecycle.stopping().clone()));
            let (store, snapshot, notices) = (store.clone(), snapshot.clone(), notices.clone());
            snapshot.register(metrics);
            let (rng, health, backlog) = (rng.clone(), health.clone(), LinkBacklog::new(metrics));
            let feeder = LinkFeeder { store, snapshot, notices, rng, health, backlog };
            let (nats, stopping) = (nats.clone(), lifecycle.stopping().clone());
            lifecycle.spawn("link feeder", async move {
                settle(&nats, &stopping).await;
                feeder.run(stopping).await
            });
        }
        let (links, permits, policies) = match config.links_from {
            LinksFrom::Database => (links, permits, policies),
            LinksFrom::Nats => {
                let watch = watch_snapshot(nats.clone(), snapshot.clone(), health.clone(), lifecycle.stopping().clone());
                lifecycle.spawn("snapshot health", watch);
                let permits = Arc::new(AskedPermits(PermitClient::new(nats.clone()))) as Arc<dyn PermitSource>;
                let policies = Arc::new(SnapshotPolicies(snapshot.clone())) as Arc<dyn PolicySource>;
                (Some(Arc::new(SnapshotLinks(snapshot)) as Arc<dyn LinkSource>), Some(permits), Some(policies))
            }
        };
        Ok(Self { feed: Arc::new(NatsFeed::new(nats)), notices: Arc::new(notices), spool, links, permits, policies, salts, source })
    }
}

fn open_spool(config: &Config, rng: &Rng, health: &Health, metrics: &Metrics) -> anyhow::Result<Spool> {
    let options = SpoolOptions {
        durability: config.durability,
        quota_bytes: config.spool_quota,
        keep_acked: if config.nats_url.is_some() { KEEP_ACKED } else { Duration::ZERO },
        health: health.clone(),
        settle: if config.nats_url.is_some() { SETTLE } else { Duration::ZERO },
        ..SpoolOptions::new(config.data_dir.join("spool"))
    };
    let class = match config.durability {
        platform::config::Durability::Os => DurabilityClass::Os,
        platform::config::Durability::Fsync => DurabilityClass::Fsync,
    };
    health.durability("spool", class, "LINKLOGGER_DURABILITY");
    Ok(Spool::open(options, rng, metrics)?)
}

/// Waits for the first connection, of which nothing need be said while it is on its way.
async fn settle(nats: &NatsClient, stopping: &CancellationToken) {
    let _ = stopping.run_until_cancelled(nats.connected_within(CONNECTING)).await;
}

/// Says on `/readyz` whether the broker is there.
async fn watch(nats: NatsClient, health: Health, stopping: CancellationToken) -> Result<(), Infallible> {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    settle(&nats, &stopping).await;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopping.cancelled() => return Ok(()),
        }
        if nats.is_connected() {
            health.report("broker", Readiness::Ready, "");
        } else {
            health.report("broker", Readiness::Degraded, NO_BROKER);
        }
    }
}

/// Says on `/readyz` what the broker's acks survive.
async fn watch_acks(nats: NatsClient, monitor: String, health: Health, stopping: CancellationToken) -> Result<(), Infallible> {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopping.cancelled() => return Ok(()),
        }
        if nats.is_connected() {
            let (class, note) = nats.durability(&monitor).await;
            health.durability("broker", class, note);
        }
    }
}

/// Says on `/readyz` whether links that are not cached can be found.
async fn watch_snapshot(nats: NatsClient, snapshot: LinkSnapshot, health: Health, stopping: CancellationToken) -> Result<(), Infallible> {
    let mut tick = tokio::time::interval(Duration::from_secs(2));
    settle(&nats, &stopping).await;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopping.cancelled() => return Ok(()),
        }
        match snapshot.is_filled().await {
            Ok(true) => health.report("links", Readiness::Ready, ""),
            Ok(false) => health.report("links", Readiness::Degraded, NOT_FILLED),
            Err(_) => health.report("links", Readiness::Degraded, NO_SNAPSHOT),
        }
    }
}
