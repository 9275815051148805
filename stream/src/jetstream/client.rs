//! The connection to NATS and the stream that everybody needs: made by whoever comes first, and
//! again by whoever finds it gone.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{self, stream::Config, stream::DiscardPolicy, stream::RetentionPolicy, stream::StorageType};
use async_nats::{ConnectOptions, Event};
use domain::SHARDS;
use platform::{Backoff, Rng};
use tokio::sync::broadcast;

use super::{STREAM, SUBJECT, StreamError};
use crate::spool::BrokerMark;

/// How long a publish's ack is waited for.
pub(crate) const ACK_TIMEOUT: Duration = Duration::from_secs(5);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// The size of a stream that is made, unless told otherwise.
const QUOTA: u64 = 8 << 30;
/// Sizes tried when a server has less room than that.
const SMALLER: [u64; 3] = [2 << 30, 512 << 20, 64 << 20];

/// A connection that comes back by itself; clones share it.
#[derive(Clone, Debug)]
pub struct NatsClient {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    /// Told each time the connection came (back).
    connected: broadcast::Sender<()>,
    quota: u64,
    /// For pauses.
    pub(crate) rng: Rng,
}

impl NatsClient {
    /// Begins to connect and returns at once: with the broker away it goes on trying.
    ///
    /// # Errors
    /// [`StreamError::Url`] when the URL cannot be one.
    pub async fn connect(url: &str, name: &str) -> Result<Self, StreamError> {
        let (connected, _) = broadcast::channel(16);
        let told = connected.clone();
        let client = ConnectOptions::new()
            .name(name)
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(Duration::from_secs(3))
            .request_timeout(Some(ACK_TIMEOUT))
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(|attempts| Backoff::new(BACKOFF_MIN, BACKOFF_MAX).after(attempts).step(&Rng::System))
            .event_callback(move |event| {
                let told = told.clone();
                async move {
                    match event {
                        Event::Connected => {
                            tracing::info!("connected to NATS");
                            let _ = told.send(());
                        }
                        Event::Disconnected => tracing::warn!("the connection to NATS is lost; trying again"),
                        other => tracing::debug!(%other, "NATS"),
                    }
                }
            })
            .connect(url)
            .await
            .map_err(|error| StreamError::Url(error.to_string()))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(ACK_TIMEOUT);
        Ok(Self { client, jetstream, connected, quota: QUOTA, rng: Rng::System })
    }

    /// The most bytes of a stream that this client makes; one that is there stays as it is.
    #[must_use]
    pub fn with_stream_quota(self, quota: u64) -> Self {
        Self { quota, ..self }
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits until it is connected, at most so long.
    pub async fn connected_within(&self, patience: Duration) {
        // The client tells of a connection a moment before it counts as connected.
        const STEP: Duration = Duration::from_millis(20);
        let mut connections = self.connections();
        let connected = async {
            while !self.is_connected() {
                let _ = tokio::time::timeout(STEP, connections.recv()).await;
            }
        };
        let _ = tokio::time::timeout(patience, connected).await;
    }

    /// Told each time the connection came (back).
    pub(crate) fn connections(&self) -> broadcast::Receiver<()> {
        self.connected.subscribe()
    }

    /// Makes the stream unless it is there, and says which it is.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker is away or refuses, or the stream there has
    /// another number of shards.
    pub(crate) async fn ensure_stream(&self) -> Result<BrokerMark, StreamError> {
        let broker = |error: &dyn std::fmt::Display| StreamError::Broker(error.to_string());
        let mut refused = None;
        if self.jetstream.get_stream(STREAM).await.is_err() {
            // First, since the stream may take all the room that the server has.
            crate::snapshot::ensure_bucket(&self.jetstream).await?;
        }
        let smaller = SMALLER.into_iter().filter(|bytes| *bytes < self.quota);
        for max_bytes in std::iter::once(self.quota).chain(smaller) {
            match self.jetstream.get_or_create_stream(config(max_bytes)).await {
                Ok(mut stream) => {
                    let info = stream.info().await.map_err(|error| broker(&error))?;
                    let shards = info.config.metadata.get("shards").map(String::as_str);
                    if shards != Some(SHARDS.to_string().as_str()) {
                        return Err(StreamError::Broker(format!("the stream {STREAM} was not made by this version of Link Logger")));
                    }
                    if !info.config.allow_rollup {
                        let config = Config { allow_rollup: true, ..info.config.clone() };
                        self.jetstream.update_stream(config).await.map_err(|error| broker(&error))?;
                    }
                    let created = i64::try_from(info.created.unix_timestamp_nanos()).unwrap_or(i64::MAX);
                    return Ok(BrokerMark { created, last_sequence: info.state.last_sequence });
                }
                Err(error) => refused = Some(error),
            }
            if !self.is_connected() {
                break;
            }
        }
        Err(StreamError::Broker(refused.map_or_else(|| "no stream".into(), |error| error.to_string())))
    }
}

fn config(max_bytes: u64) -> Config {
    Config {
        name: STREAM.into(),
        subjects: vec![format!("{SUBJECT}.*")],
        // Not `old`, the default, which would silently drop clicks that nobody has read yet.
        discard: DiscardPolicy::New,
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        duplicate_window: Duration::from_secs(120),
        // For the marks of spools.
        allow_rollup: true,
        metadata: [("shards".to_owned(), SHARDS.to_string())].into(),
        ..Config::default()
    }
}
