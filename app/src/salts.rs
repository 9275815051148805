//! The redirector's sources of salts, with strict capture: the store in one process, or over NATS a worker.

use std::convert::Infallible;

use async_trait::async_trait;
use domain::{Millis, SaltOfDay, WorkspaceId};
use platform::{Clock, Rng, SealKey, Throttle};
use redirector::{LinkSourceDown, SaltSource};
use stream::{NatsClient, SaltClient, serve_salts};
use tokio_util::sync::CancellationToken;
use worker::Salts;

const NO_KEY: &str = "LINKLOGGER_SEAL_KEY is not set, and salts travel sealed under it";

/// Straight from the database.
#[derive(Clone, Debug)]
pub(crate) struct StoredSalts {
    pub salts: Salts,
    pub clock: Clock,
}

#[async_trait]
impl SaltSource for StoredSalts {
    async fn salt(&self, workspace: WorkspaceId, at: Millis) -> Result<Option<SaltOfDay>, LinkSourceDown> {
        self.salts.at(workspace, at, self.clock.now()).await.map_err(|error| LinkSourceDown(error.to_string()))
    }
}

/// From a worker.
#[derive(Debug)]
pub(crate) struct AskedSalts {
    /// `None` without a key that opens them.
    client: Option<SaltClient>,
    complaints: Throttle,
}

impl AskedSalts {
    pub fn new(nats: NatsClient, key: Option<SealKey>) -> Self {
        Self { client: key.map(|key| SaltClient::new(nats, key)), complaints: Throttle::default() }
    }
}

#[async_trait]
impl SaltSource for AskedSalts {
    async fn salt(&self, workspace: WorkspaceId, at: Millis) -> Result<Option<SaltOfDay>, LinkSourceDown> {
        let answer = match &self.client {
            Some(client) => client.salt(workspace, at).await.map_err(|error| LinkSourceDown(error.to_string())),
            None => Err(LinkSourceDown(NO_KEY.into())),
        };
        answer.inspect_err(|error| {
            if self.complaints.may_tell() {
                tracing::warn!("With LINKLOGGER_CAPTURE=strict visitors cannot be told apart now ({error}); clicks count without.");
            }
        })
    }
}

/// Gives salts to redirectors with strict capture, until the stop.
///
/// # Errors
/// Never.
pub(crate) async fn serve(
    nats: NatsClient,
    key: SealKey,
    salts: Salts,
    clock: Clock,
    rng: Rng,
    stopping: CancellationToken,
) -> Result<(), Infallible> {
    let complaints = Throttle::default();
    let salt = async |workspace, at| {
        salts.at(workspace, at, clock.now()).await.inspect_err(|error| {
            if complaints.may_tell() {
                tracing::warn!(%error, "salts cannot be given to redirectors with strict capture");
            }
        })
    };
    serve_salts(nats, key, rng, salt, stopping).await;
    Ok(())
}
