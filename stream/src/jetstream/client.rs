//! The connection to NATS and the stream that everybody needs: made by whoever comes first, and
//! again by whoever finds it gone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
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
    url: Url,
    /// For pauses.
    pub(crate) rng: Rng,
}

/// Where the broker is, perhaps with a password.
#[derive(Clone)]
struct Url(Arc<str>);

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(..)")
    }
}

impl NatsClient {
    /// Begins to connect and returns at once: with the broker away it goes on trying.
    ///
    /// # Errors
    /// [`StreamError::Url`] when the URL cannot be one.
    pub async fn connect(url: &str, name: &str) -> Result<Self, StreamError> {
        let (connected, _) = broadcast::channel(16);
        let told = connected.clone();
        let client = options(name)
            .retry_on_initial_connect()
            .max_reconnects(None)
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
        let jetstream = context(client.clone());
        Ok(Self { client, jetstream, connected, quota: QUOTA, url: Url(url.into()), rng: Rng::System })
    }

    /// A connection besides that never comes back: of what is asked over it, nothing reaches a broker that was
    /// started anew since. What waits for that all the same goes with the runtime that this is called on.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker does not answer now.
    pub(crate) async fn once(&self) -> Result<jetstream::Context, StreamError> {
        let connected = Arc::new(AtomicBool::new(false));
        let lost = connected.clone();
        let client = options("tidy")
            .reconnect_delay_callback(move |_| if lost.load(Ordering::Acquire) { Duration::MAX } else { Duration::ZERO })
            .connect(&*self.url.0)
            .await
            .map_err(|error| StreamError::Broker(error.to_string()))?;
        connected.store(true, Ordering::Release);
        Ok(context(client))
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
        let stream = match self.jetstream.get_stream(STREAM).await {
            Ok(stream) => stream,
            Err(_) => {
                // First, since the stream may take all the room that the server has.
                crate::snapshot::ensure_bucket(&self.jetstream).await?;
                self.make_stream().await?
            }
        };
        let info = stream.cached_info();
        let shards = info.config.metadata.get("shards").map(String::as_str);
        if shards != Some(SHARDS.to_string().as_str()) {
            return Err(StreamError::Broker(format!("the stream {STREAM} was not made by this version of Link Logger")));
        }
        if !info.config.allow_rollup {
            let config = Config { allow_rollup: true, ..info.config.clone() };
            self.jetstream.update_stream(config).await.map_err(|error| broker(&error))?;
        }
        let created = i64::try_from(info.created.unix_timestamp_nanos()).unwrap_or(i64::MAX);
        Ok(BrokerMark { created, last_sequence: info.state.last_sequence })
    }

    /// As large as told, or as the server has room for.
    async fn make_stream(&self) -> Result<Stream, StreamError> {
        let mut made = self.jetstream.get_or_create_stream(config(self.quota)).await;
        for max_bytes in SMALLER.into_iter().filter(|bytes| *bytes < self.quota) {
            if made.is_ok() || !self.is_connected() {
                break;
            }
            made = self.jetstream.get_or_create_stream(config(max_bytes)).await;
        }
        made.map_err(|error| StreamError::Broker(error.to_string()))
    }
}

fn options(name: &str) -> ConnectOptions {
    ConnectOptions::new()
        .name(name)
        .connection_timeout(Duration::from_secs(3))
        .request_timeout(Some(ACK_TIMEOUT))
        .ping_interval(Duration::from_secs(10))
}

fn context(client: async_nats::Client) -> jetstream::Context {
    let mut context = jetstream::new(client);
    context.set_timeout(ACK_TIMEOUT);
    context
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

#[cfg(test)]
mod tests {
    use testkit::{NatsServer, wait_until};

    use super::*;

    #[tokio::test]
    async fn a_connection_for_once_does_not_come_back() {
        let mut server = NatsServer::start();
        let nats = NatsClient::connect(&server.url(), "test").await.unwrap();
        nats.connected_within(ACK_TIMEOUT).await;
        nats.ensure_stream().await.unwrap();
        let once = nats.once().await.unwrap();
        assert!(once.get_stream(STREAM).await.is_ok());
        server.kill();
        let state = || once.client().connection_state();
        wait_until(ACK_TIMEOUT, "both have lost it", async || (!nats.is_connected() && state() != State::Connected).then_some(())).await;
        let mut connections = nats.connections();
        server.restart();
        connections.recv().await.unwrap();
        assert!(nats.ensure_stream().await.is_ok());
        assert_eq!(state(), State::Disconnected);
        assert!(!format!("{nats:?}").contains(&server.url()), "it may have a password");
    }
}
