//! The snapshot of links: a JetStream KV bucket from which redirectors without a database serve.
//!
//! Keys of links are hashes, so that no text of a user is in a subject; values are a version byte and a
//! [`LinkState`] as JSON. Hosts (`hosts.rs`), API keys and workspaces' policies (`policies.rs`) lie beside
//! them, and what not everybody who reads the bucket may know is sealed (`sealing.rs`). Writes compare
//! and set on the key's revision and never lower a version; a link that went leaves a value that says
//! so, so that a write that comes late cannot bring it back. What is missing is no link only if the
//! bucket was filled once.

mod counters;
mod filling;
mod hosts;
mod notices;
mod policies;
mod sealing;
mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::kv::{Config, Entry, Operation, Store, UpdateErrorKind};
use bytes::Bytes;
use domain::{LinkAddress, LinkState, ResolvedLink};
use platform::{Metrics, Rng, SealKey, Throttle};
use tokio::sync::OnceCell;

use crate::{NatsClient, StreamError};
use counters::Counters;
use sealing::{Sealer, has_secrets};
use value::{Decoded, NewerForm, decode, encode, key};

pub use filling::Filling;
pub use notices::SnapshotNotices;

const BUCKET: &str = "links";
/// Keys of links, as a subject's wildcard.
const LINKS: &str = "l.>";
/// A question that takes longer has no answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The links of all workspaces as redirectors need them; clones share the connection.
#[derive(Clone, Debug)]
pub struct LinkSnapshot {
    nats: NatsClient,
    bucket: Arc<OnceCell<Store>>,
    sealer: Sealer,
    left_out: Arc<AtomicU64>,
    newer: Throttle,
    counters: Counters,
}

pub(crate) fn broker(error: &dyn std::fmt::Display) -> StreamError {
    StreamError::Broker(error.to_string())
}

/// Makes the bucket unless it is there.
///
/// # Errors
/// [`StreamError::Broker`] when the broker is away or refuses.
pub(crate) async fn ensure_bucket(jetstream: &jetstream::Context) -> Result<(), StreamError> {
    if jetstream.get_key_value(BUCKET).await.is_err() {
        let config = Config {
            bucket: BUCKET.into(),
            description: "Links as redirectors need them, fed by the api".into(),
            history: 1,
            ..Config::default()
        };
        jetstream.create_key_value(config).await.map_err(|error| broker(&error))?;
    }
    Ok(())
}

impl LinkSnapshot {
    pub fn new(nats: NatsClient) -> Self {
        Self {
            nats,
            bucket: Arc::default(),
            sealer: Sealer::default(),
            left_out: Arc::default(),
            newer: Throttle::default(),
            counters: Counters::default(),
        }
    }

    /// With the key that seals and opens what is secret. Without it links with secrets cannot be
    /// read, and are written without them.
    #[must_use]
    pub fn with_seal_key(self, key: Option<SealKey>, rng: Rng) -> Self {
        Self { sealer: Sealer { key, rng }, ..self }
    }

    /// How many of the links put here lack their secrets there, since there is no key: redirectors
    /// answer 503 for them.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
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
        ensure_bucket(&self.nats.jetstream).await
    }

    /// What is at an address.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker or the bucket is away, [`StreamError::NotFilled`]
    /// when the link may exist although it is not there, [`StreamError::Sealed`] when it is there and
    /// cannot be opened; "no such link" is `None`.
    pub async fn get(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, StreamError> {
        match self.entry(&key(address)).await?.map(|entry| decode(&entry.value)) {
            Some(Decoded::State(state)) if state.address == *address => Ok(state.link),
            Some(Decoded::Sealed(state, sealed)) if state.address == *address => {
                self.sealer.opened(*state, &sealed).map(|state| state.link).ok_or(StreamError::Sealed)
            }
            Some(Decoded::Newer(newer)) => Err(newer.into()),
            Some(Decoded::State(_) | Decoded::Sealed(..) | Decoded::Malformed) => Err(broker(&"a link's value cannot be read")),
            None if self.is_filled().await? => Ok(None),
            None => Err(StreamError::NotFilled),
        }
    }

    /// Writes what is at an address, unless as much or more is known there, or what a newer program
    /// wrote in a form that this one does not know. True when it was written.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker is away or refuses; then it may or may not be
    /// written, and doing it again is safe.
    pub async fn put_if_newer(&self, state: &LinkState) -> Result<bool, StreamError> {
        let value = encode(state, &self.sealer)?;
        // Whether what is stored, and stays, lacks its secrets.
        let is_bare = AtomicBool::new(false);
        let replaces = |stored: &[u8]| match decode(stored) {
            // What was written before there was a key to seal it.
            Decoded::State(stored) if *stored == *state => Ok(has_secrets(state) && self.sealer.key.is_some()),
            Decoded::State(stored) => Ok(state.replaces(&stored)),
            Decoded::Sealed(stored, sealed) => {
                is_bare.store(sealed.is_empty(), Ordering::Relaxed);
                Ok(match self.sealer.opened((*stored).clone(), &sealed) {
                    Some(stored) => state.replaces(&stored),
                    // Sealed by another key, or lacking its secrets, which may be to hand now.
                    None => {
                        state.id != stored.id
                            || state.version > stored.version
                            || (state.version == stored.version && self.sealer.key.is_some())
                    }
                })
            }
            Decoded::Newer(newer) => Err(newer),
            Decoded::Malformed => Ok(true),
        };
        let written = self.write_over(&key(&state.address), value, replaces).await?;
        if has_secrets(state) && self.sealer.key.is_none() && (written || is_bare.load(Ordering::Relaxed)) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        Ok(written)
    }

    /// Writes a value over the stored one if it `replaces` that, however many write at once. What a newer
    /// program wrote stays, since that knows more of it, and holds up nothing else.
    async fn write_over(&self, key: &str, value: Bytes, replaces: impl Fn(&[u8]) -> Result<bool, NewerForm>) -> Result<bool, StreamError> {
        loop {
            let stored = self.entry(key).await?;
            match stored.as_ref().map(|stored| replaces(&stored.value)) {
                None | Some(Ok(true)) => {}
                Some(Ok(false)) => return Ok(false),
                Some(Err(newer)) => {
                    self.warn_of(newer);
                    return Ok(false);
                }
            }
            if self.write(key, value.clone(), stored.map_or(0, |entry| entry.revision)).await? {
                self.counters.writes.inc();
                return Ok(true);
            }
            self.counters.conflicts.inc();
        }
    }

    fn warn_of(&self, newer: NewerForm) {
        if self.newer.may_tell() {
            tracing::warn!(
                "In the snapshot of links {newer}. It stays as it is, so redirectors without a database do not see what was \
                 changed of it since. Start the newer version of the api again, and then run its `linklogger links resync`."
            );
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
