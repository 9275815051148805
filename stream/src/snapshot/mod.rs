//! The snapshot of links and hosts: a JetStream KV bucket from which redirectors without a database
//! serve.
//!
//! Keys are hashes, so that no text of a user is in a subject; values are a version byte and a
//! [`LinkState`] or [`DomainState`] as JSON. Writes compare and set on the key's revision and never lower a link's
//! version; a link that went leaves a value that says so, so that a write that comes late cannot
//! bring it back. What is missing is no link only if the bucket was filled once.

mod counters;
mod filling;
mod notices;
mod value;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::{Config, Entry, Operation, Store, UpdateErrorKind};
use bytes::Bytes;
use domain::{DomainState, HostName, LinkAddress, LinkState, ResolvedLink, ServedDomain};
use platform::Metrics;
use tokio::sync::OnceCell;

use crate::{NatsClient, StreamError};
use counters::Counters;
use value::{Decoded, Kept, decode, encode, host_key, link_key};

pub use filling::Filling;
pub use notices::SnapshotNotices;

const BUCKET: &str = "links";
/// Keys of links and of hosts, as subjects' wildcards.
const WATCHED: [&str; 2] = ["l.>", "d.>"];
/// A question that takes longer has no answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The links of all workspaces as redirectors need them; clones share the connection.
#[derive(Clone, Debug)]
pub struct LinkSnapshot {
    nats: NatsClient,
    bucket: Arc<OnceCell<Store>>,
    counters: Counters,
}

pub(crate) fn broker(error: &dyn std::fmt::Display) -> StreamError {
    StreamError::Broker(error.to_string())
}

fn unreadable() -> StreamError {
    broker(&"a link's value cannot be read")
}

impl LinkSnapshot {
    pub fn new(nats: NatsClient) -> Self {
        Self { nats, bucket: Arc::default(), counters: Counters::default() }
    }

    /// Shows how it is written to.
    pub fn register(&self, metrics: &Metrics) {
        self.counters.register(metrics);
    }

    /// Makes the bucket unless it is there.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker is away or refuses.
    pub async fn ensure(&self) -> Result<(), StreamError> {
        self.connected()?;
        if self.nats.jetstream.get_key_value(BUCKET).await.is_err() {
            let config = Config {
                bucket: BUCKET.into(),
                description: "Links as redirectors need them, fed by the api".into(),
                history: 1,
                ..Config::default()
            };
            self.nats.jetstream.create_key_value(config).await.map_err(|error| broker(&error))?;
        }
        Ok(())
    }

    /// What is at an address.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker or the bucket is away, [`StreamError::NotFilled`]
    /// when the link may exist although it is not there; "no such link" is `None`.
    pub async fn get(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, StreamError> {
        match self.kept::<LinkState>(&link_key(address)).await? {
            Some(state) if state.address != *address => Err(unreadable()),
            state => Ok(state.and_then(|state| state.link)),
        }
    }

    /// The verified domain of a host.
    ///
    /// # Errors
    /// As [`LinkSnapshot::get`].
    pub async fn domain(&self, host: &HostName) -> Result<Option<ServedDomain>, StreamError> {
        match self.kept::<DomainState>(&host_key(host)).await? {
            Some(state) if state.host != *host => Err(unreadable()),
            state => Ok(state.and_then(|state| state.domain)),
        }
    }

    async fn kept<T: Kept>(&self, key: &str) -> Result<Option<T>, StreamError> {
        match self.entry(key).await?.map(|entry| decode::<T>(&entry.value)) {
            Some(Decoded::State(state)) => Ok(Some(*state)),
            Some(Decoded::UnknownVersion(version)) => Err(broker(&format!("a link was written in the form {version} by a newer program"))),
            Some(Decoded::Malformed) => Err(unreadable()),
            None if self.is_filled().await? => Ok(None),
            None => Err(StreamError::NotFilled),
        }
    }

    /// Writes what is at an address, unless as much or more is known there. True when it was
    /// written.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker is away or refuses; then it may or may not be
    /// written, and doing it again is safe.
    pub async fn put_if_newer(&self, state: &LinkState) -> Result<bool, StreamError> {
        self.put(state).await
    }

    /// Writes what a host serves, unless as much or more is known there. True when it was written.
    ///
    /// # Errors
    /// As [`LinkSnapshot::put_if_newer`].
    pub async fn put_domain_if_newer(&self, state: &DomainState) -> Result<bool, StreamError> {
        self.put(state).await
    }

    async fn put<T: Kept>(&self, state: &T) -> Result<bool, StreamError> {
        let (key, value) = (state.key(), encode(state)?);
        loop {
            let stored = self.entry(&key).await?;
            match stored.as_ref().map(|entry| decode::<T>(&entry.value)) {
                Some(Decoded::State(stored)) if !state.replaces(&stored) => return Ok(false),
                // The newer program writes it too, and knows more of it.
                Some(Decoded::UnknownVersion(_)) => return Err(broker(&"a link was written by a newer program")),
                Some(Decoded::State(_) | Decoded::Malformed) | None => {}
            }
            if self.write(&key, value.clone(), stored.map_or(0, |entry| entry.revision)).await? {
                self.counters.writes.inc();
                return Ok(true);
            }
            self.counters.conflicts.inc();
        }
    }

    /// Writes over exactly this revision, 0 for none. False when there is another one.
    async fn write(&self, key: &str, value: Bytes, revision: u64) -> Result<bool, StreamError> {
        let bucket = self.bucket().await?;
        match in_time(bucket.update(key, value, revision)).await? {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(false),
            Err(error) => Err(broker(&error)),
        }
    }

    async fn entry(&self, key: &str) -> Result<Option<Entry>, StreamError> {
        let bucket = self.bucket().await?;
        let entry = in_time(bucket.entry(key)).await?.map_err(|error| broker(&error))?;
        // What an operator deleted by hand still has a revision to write over.
        Ok(entry.map(|entry| match entry.operation {
            Operation::Put => entry,
            Operation::Delete | Operation::Purge => Entry { value: Bytes::new(), ..entry },
        }))
    }

    /// A handle that stays good when the bucket is made anew.
    async fn bucket(&self) -> Result<&Store, StreamError> {
        // A question would wait in the client for the connection.
        self.connected()?;
        let find = async || in_time(self.nats.jetstream.get_key_value(BUCKET)).await?.map_err(|error| broker(&error));
        self.bucket.get_or_try_init(find).await
    }

    fn connected(&self) -> Result<(), StreamError> {
        if self.nats.is_connected() { Ok(()) } else { Err(broker(&"not connected")) }
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, StreamError> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| broker(&"no answer in time"))
}
