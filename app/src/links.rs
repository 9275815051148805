//! The redirector's sources of links: the store, or the snapshot in NATS; its source of permits;
//! and `linklogger links`.

use std::process::ExitCode;

use async_trait::async_trait;
use domain::{LinkAddress, LinkId, ResolvedLink};
use platform::Rng;
use platform::config::Config;
use redirector::{LinkSource, LinkSourceDown, PermitSource};
use store::Store;
use stream::{LinkSnapshot, NatsClient};

use crate::commands::{connect, say};
use crate::seal;

/// Links and permits straight from the database.
#[derive(Clone, Debug)]
pub(crate) struct StoredLinks(pub Store);

#[async_trait]
impl LinkSource for StoredLinks {
    async fn resolve(&self, folded_slug: &str) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.0.resolve_link(folded_slug).await.map_err(|error| LinkSourceDown(error.to_string()))
    }
}

#[async_trait]
impl PermitSource for StoredLinks {
    async fn lease(&self, link: LinkId, wanted: u32) -> Result<u32, LinkSourceDown> {
        self.0.lease(link, wanted).await.map_err(|error| LinkSourceDown(error.to_string()))
    }

    async fn give_back(&self, link: LinkId, unused: u32) -> Result<(), LinkSourceDown> {
        self.0.return_permits(link, unused).await.map_err(|error| LinkSourceDown(error.to_string()))
    }
}

/// At the edge nobody counts: a link with a limit leads to its fallback, never to its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoPermits;

#[async_trait]
impl PermitSource for NoPermits {
    async fn lease(&self, _: LinkId, _: u32) -> Result<u32, LinkSourceDown> {
        Err(LinkSourceDown("permits need the database".into()))
    }

    async fn give_back(&self, _: LinkId, _: u32) -> Result<(), LinkSourceDown> {
        Ok(())
    }
}

/// Links from the snapshot, without a database.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotLinks(pub LinkSnapshot);

#[async_trait]
impl LinkSource for SnapshotLinks {
    async fn resolve(&self, folded_slug: &str) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.0.get(&LinkAddress::shared(folded_slug)).await.map_err(|error| LinkSourceDown(error.to_string()))
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
    let count = api::resync_links(&store, &LinkSnapshot::new(nats).with_seal_key(seal_key, rng)).await?;
    store.close().await;
    say(&format!("{count} links are in the snapshot.\n"))
}
