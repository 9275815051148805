//! The redirector's sources of links and permits: the store, or over NATS the snapshot and an api;
//! and `linklogger links`.

use std::process::ExitCode;

use async_trait::async_trait;
use domain::{HostName, LinkAddress, PermitLease, ResolvedLink, ServedDomain, Wanted};
use platform::config::Config;
use platform::{Clock, Rng};
use redirector::{LinkSource, LinkSourceDown, PermitSource};
use store::Store;
use stream::{LinkSnapshot, NatsClient, PermitClient, PermitQuestion};

use crate::commands::{connect, counted, say};
use crate::seal;

/// Links and permits straight from the database.
#[derive(Clone, Debug)]
pub(crate) struct StoredLinks {
    pub store: Store,
    pub clock: Clock,
}

#[async_trait]
impl LinkSource for StoredLinks {
    async fn resolve(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.store.resolve(address).await.map_err(|error| LinkSourceDown(error.to_string()))
    }

    async fn domain(&self, host: &HostName) -> Result<Option<ServedDomain>, LinkSourceDown> {
        self.store.resolve_host(host).await.map_err(|error| LinkSourceDown(error.to_string()))
    }
}

#[async_trait]
impl PermitSource for StoredLinks {
    async fn lease(&self, lease: &PermitLease, wanted: Wanted) -> Result<u32, LinkSourceDown> {
        self.store.lease(lease, wanted, self.clock.now()).await.map_err(|error| LinkSourceDown(error.to_string()))
    }

    async fn give_back(&self, lease: &PermitLease, unused: u32) -> Result<(), LinkSourceDown> {
        self.store.return_permits(lease, unused).await.map(drop).map_err(|error| LinkSourceDown(error.to_string()))
    }
}

/// Permits from an api over NATS, without a database.
#[derive(Clone, Debug)]
pub(crate) struct AskedPermits(pub PermitClient);

impl AskedPermits {
    async fn ask(&self, question: PermitQuestion) -> Result<u32, LinkSourceDown> {
        self.0.ask(question).await.map_err(|error| LinkSourceDown(error.to_string()))
    }
}

#[async_trait]
impl PermitSource for AskedPermits {
    async fn lease(&self, lease: &PermitLease, wanted: Wanted) -> Result<u32, LinkSourceDown> {
        self.ask(PermitQuestion::Lease(*lease, wanted)).await
    }

    async fn give_back(&self, lease: &PermitLease, unused: u32) -> Result<(), LinkSourceDown> {
        self.ask(PermitQuestion::GiveBack(*lease, unused)).await.map(drop)
    }
}

/// Links from the snapshot, without a database.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotLinks(pub LinkSnapshot);

#[async_trait]
impl LinkSource for SnapshotLinks {
    async fn resolve(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.0.get(address).await.map_err(|error| LinkSourceDown(error.to_string()))
    }

    async fn domain(&self, host: &HostName) -> Result<Option<ServedDomain>, LinkSourceDown> {
        self.0.domain(host).await.map_err(|error| LinkSourceDown(error.to_string()))
    }
}

/// How long a command waits for NATS.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// `linklogger links resync`.
pub(crate) async fn resync(config: &Config) -> anyhow::Result<ExitCode> {
    let Some(url) = &config.nats_url else {
        anyhow::bail!("The snapshot of links is in NATS. Set LINKLOGGER_NATS_URL; without it redirectors read the database itself.");
    };
    let rng = Rng::System;
    let seal_key = seal::find(config, &rng)?;
    let store = connect(config).await?;
    store.check_schema().await?;
    let nats = NatsClient::connect(url, "linklogger").await?;
    let connected = async {
        while !nats.is_connected() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, connected)
        .await
        .map_err(|_| anyhow::anyhow!("NATS does not answer. Start it, or mend LINKLOGGER_NATS_URL."))?;
    let snapshot = LinkSnapshot::new(nats).with_seal_key(seal_key, rng);
    let count = api::resync_links(&store, &snapshot).await?;
    store.close().await;
    let left_out = snapshot.left_out();
    let in_snapshot = format!("{} {} in the snapshot", counted(count, "link"), if count == 1 { "is" } else { "are" });
    anyhow::ensure!(
        left_out == 0,
        "{in_snapshot}, {left_out} of them without the password or the variants that belong to it: redirectors that have no \
         database answer 503 there. Set LINKLOGGER_SEAL_KEY or LINKLOGGER_SEAL_KEY_FILE to the installation's key and run this again."
    );
    say(&format!("{in_snapshot}.\n"))
}
