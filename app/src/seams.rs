//! The one place that chooses how the roles meet: within this process, or over NATS. No role
//! knows which.

use std::sync::Arc;

use platform::config::Config;
use platform::{DurabilityClass, Health, Lifecycle, Metrics, Readiness, Rng};
use stream::{
    ClickSource, JetStreamSource, LinkNotices, LiveFeed, LocalFeed, LocalNotices, LocalSource, NatsClient, NatsFeed, NatsNotices, Shipper,
    Spool, SpoolOptions,
};

/// Size at which a segment of the spool is sealed.
const SEGMENT_BYTES: u64 = 64 << 20;

/// The seams between the roles of this process and the others.
#[derive(Debug)]
pub(crate) struct Seams {
    pub feed: Arc<dyn LiveFeed>,
    pub notices: Arc<dyn LinkNotices>,
    /// With the role redirector.
    pub spool: Option<Spool>,
    /// With the role worker.
    pub source: Option<Box<dyn ClickSource>>,
}

impl Seams {
    pub async fn new(config: &Config, rng: &Rng, health: &Health, metrics: &Metrics, lifecycle: &Lifecycle) -> anyhow::Result<Self> {
        let spool = config.roles.redirector.then(|| open_spool(config, rng, health, metrics)).transpose()?;
        let Some(url) = &config.nats_url else {
            let source =
                spool.clone().filter(|_| config.roles.worker).map(|spool| Box::new(LocalSource::new(spool)) as Box<dyn ClickSource>);
            return Ok(Self { feed: Arc::new(LocalFeed::default()), notices: Arc::new(LocalNotices::default()), spool, source });
        };
        let nats = NatsClient::connect(url, "linklogger").await?;
        health.durability("broker", DurabilityClass::Unknown, "fsync if the server runs with sync_interval: always, else os");
        lifecycle.spawn("broker health", watch(nats.clone(), health.clone(), lifecycle.stopping().clone()));
        if let Some(spool) = &spool {
            let shipper = Shipper::new(spool.clone(), nats.clone(), health.clone(), metrics, rng.clone());
            lifecycle.spawn("shipper", shipper.run(lifecycle.stopping().clone()));
        }
        let source = config.roles.worker.then(|| Box::new(JetStreamSource::new(nats.clone())) as Box<dyn ClickSource>);
        Ok(Self { feed: Arc::new(NatsFeed::new(nats.clone())), notices: Arc::new(NatsNotices::new(nats)), spool, source })
    }
}

fn open_spool(config: &Config, rng: &Rng, health: &Health, metrics: &Metrics) -> anyhow::Result<Spool> {
    let options = SpoolOptions { dir: config.data_dir.join("spool"), durability: config.durability, segment_bytes: SEGMENT_BYTES };
    let class = match config.durability {
        platform::config::Durability::Os => DurabilityClass::Os,
        platform::config::Durability::Fsync => DurabilityClass::Fsync,
    };
    health.durability("spool", class, "LINKLOGGER_DURABILITY");
    Ok(Spool::open(options, rng, metrics)?)
}

/// Says on `/readyz` whether the broker is there.
async fn watch(nats: NatsClient, health: Health, stopping: tokio_util::sync::CancellationToken) -> Result<(), std::convert::Infallible> {
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(500));
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
