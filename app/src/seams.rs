//! The one place that chooses how the roles meet: within this process, or over NATS. No role
//! knows which.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::LinkFeeder;
use platform::config::{Config, LinksFrom};
use platform::{DurabilityClass, Health, Lifecycle, Metrics, Readiness, Rng, SealKey};
use redirector::{LinkSource, PolicySource};
use store::Store;
use stream::{
    ClickSource, JetStreamSource, LinkNotices, LinkSnapshot, LiveFeed, LocalFeed, LocalNotices, LocalSource, NatsClient, NatsFeed, Shipper,
    SnapshotNotices, Spool, SpoolOptions,
};
use tokio_util::sync::CancellationToken;

use crate::links::{SnapshotLinks, StoredLinks};
use crate::policies::{SnapshotPolicies, StoredPolicies};

/// How long acked segments stay for a broker that may fall back; in one process there is none.
const KEEP_ACKED: std::time::Duration = std::time::Duration::from_secs(15 * 60);

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
    pub policies: Option<Arc<dyn PolicySource>>,
    /// With the role worker.
    pub source: Option<Box<dyn ClickSource>>,
}

impl Seams {
    /// `store` is none for a redirector that uses no database.
    pub async fn new(
        config: &Config,
        store: Option<&Store>,
        seal_key: Option<&SealKey>,
        rng: &Rng,
        health: &Health,
        metrics: &Metrics,
        lifecycle: &Lifecycle,
    ) -> anyhow::Result<Self> {
        let stored = store.map(|store| Arc::new(StoredLinks(store.clone())) as Arc<dyn LinkSource>);
        let stored_policies = store.map(|store| Arc::new(StoredPolicies(store.clone())) as Arc<dyn PolicySource>);
        let spool = config.roles.redirector.then(|| open_spool(config, rng, health, metrics)).transpose()?;
        let Some(url) = &config.nats_url else {
            let source =
                spool.clone().filter(|_| config.roles.worker).map(|spool| Box::new(LocalSource::new(spool)) as Box<dyn ClickSource>);
            let (feed, notices) = (Arc::new(LocalFeed::default()), Arc::new(LocalNotices::default()));
            return Ok(Self { feed, notices, spool, links: stored, policies: stored_policies, source });
        };
        let nats = NatsClient::connect(url, "linklogger").await?;
        health.durability("broker", DurabilityClass::Unknown, "fsync if the server runs with sync_interval: always, else os");
        lifecycle.spawn("broker health", watch(nats.clone(), health.clone(), lifecycle.stopping().clone()));
        if let Some(spool) = &spool {
            let shipper = Shipper::new(spool.clone(), nats.clone(), health.clone(), metrics, rng.clone());
            lifecycle.spawn("shipper", shipper.run(lifecycle.stopping().clone()));
        }
        let source = config.roles.worker.then(|| Box::new(JetStreamSource::new(nats.clone())) as Box<dyn ClickSource>);
        let snapshot = LinkSnapshot::new(nats.clone()).with_seal_key(seal_key.cloned(), rng.clone());
        let notices = SnapshotNotices::new(snapshot.clone());
        if let Some(store) = store.filter(|_| config.roles.api) {
            let (store, snapshot, notices, health) = (store.clone(), snapshot.clone(), notices.clone(), health.clone());
            let feeder = LinkFeeder { store, snapshot, notices, health };
            lifecycle.spawn("link feeder", feeder.run(lifecycle.stopping().clone()));
        }
        let (links, policies) = match config.links_from {
            LinksFrom::Database => (stored, stored_policies),
            LinksFrom::Nats => {
                lifecycle.spawn("snapshot health", watch_snapshot(snapshot.clone(), health.clone(), lifecycle.stopping().clone()));
                let policies = Arc::new(SnapshotPolicies(snapshot.clone())) as Arc<dyn PolicySource>;
                (Some(Arc::new(SnapshotLinks(snapshot)) as Arc<dyn LinkSource>), Some(policies))
            }
        };
        Ok(Self { feed: Arc::new(NatsFeed::new(nats)), notices: Arc::new(notices), spool, links, policies, source })
    }
}

fn open_spool(config: &Config, rng: &Rng, health: &Health, metrics: &Metrics) -> anyhow::Result<Spool> {
    let options = SpoolOptions {
        durability: config.durability,
        quota_bytes: config.spool_quota,
        keep_acked: if config.nats_url.is_some() { KEEP_ACKED } else { std::time::Duration::ZERO },
        ..SpoolOptions::new(config.data_dir.join("spool"))
    };
    let class = match config.durability {
        platform::config::Durability::Os => DurabilityClass::Os,
        platform::config::Durability::Fsync => DurabilityClass::Fsync,
    };
    health.durability("spool", class, "LINKLOGGER_DURABILITY");
    Ok(Spool::open(options, rng, metrics)?)
}

/// Says on `/readyz` whether the broker is there.
async fn watch(nats: NatsClient, health: Health, stopping: CancellationToken) -> Result<(), Infallible> {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopping.cancelled() => return Ok(()),
        }
        if nats.is_connected() {
            health.report("broker", Readiness::Ready, "");
        } else {
            health.report("broker", Readiness::Degraded, "NATS does not answer; clicks wait in the spool, live clicks come late");
        }
    }
}

/// Says on `/readyz` whether links that are not cached can be found.
async fn watch_snapshot(snapshot: LinkSnapshot, health: Health, stopping: CancellationToken) -> Result<(), Infallible> {
    let mut tick = tokio::time::interval(Duration::from_secs(2));
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopping.cancelled() => return Ok(()),
        }
        match snapshot.is_filled().await {
            Ok(true) => health.report("links", Readiness::Ready, ""),
            Ok(false) => health.report(
                "links",
                Readiness::Degraded,
                "the snapshot is not filled yet; a running api or `linklogger links resync` fills it",
            ),
            Err(_) => health.report("links", Readiness::Degraded, "the snapshot cannot be asked; links that are not cached get 503"),
        }
    }
}
