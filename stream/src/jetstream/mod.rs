//! The click stream over NATS JetStream: the connection, the shipper that carries the spool's
//! records to the broker, and the source that the worker reads.

mod client;
mod consumer;
mod direct;
mod marks;
mod monitor;
mod publisher;
mod shipper;
mod source;
mod tidied;
mod tidy;
mod under_way;

pub use client::NatsClient;
pub(crate) use direct::{Direct, Sent};
pub use shipper::Shipper;
pub use source::JetStreamSource;

use crate::SpoolError;

/// The name of the stream and of its subjects' first part.
pub(crate) const STREAM: &str = "CLICKS";
pub(crate) const SUBJECT: &str = "clicks.v1";

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("LINKLOGGER_NATS_URL cannot be used ({0}). It must look like nats://host:4222.")]
    Url(String),
    #[error("NATS does not answer as it should: {0}")]
    Broker(String),
    /// Nobody has written all links to the snapshot yet, so that what is missing there may exist.
    #[error("The snapshot of links is not filled yet. `linklogger links resync` fills it, and so does a running api.")]
    NotFilled,
    /// The link is there, but its password or variants are sealed under a key that is not to hand.
    #[error("a link's secrets cannot be opened. Set LINKLOGGER_SEAL_KEY to the same key in all processes.")]
    Sealed,
    #[error("The spool's cursor cannot be kept ({0}). Check the disk of LINKLOGGER_DATA_DIR.")]
    Cursor(String),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}
