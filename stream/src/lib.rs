//! How clicks and news travel: the spool that a redirector appends to, the click stream that the
//! worker reads, the live feed, the snapshot of links, the notices of changed ones, and permits of
//! limited links for redirectors without a database.
//!
//! Each seam is a trait with two implementations, one in the process and one over NATS, and one
//! conformance suite that both pass. Only this crate names async-nats.

mod age;
mod frame;
mod jetstream;
mod live;
mod local;
mod notices;
mod permits;
mod questions;
mod record;
mod salts;
mod snapshot;
mod source;
mod spool;

pub use frame::{Frame, FrameError, FrameId};
pub use jetstream::{JetStreamSource, NatsClient, Shipper, StreamError};
pub use live::{Announcement, LiveFeed, LocalFeed, NatsFeed};
pub use local::LocalSource;
pub use notices::{LinkEvent, LinkNotices, LocalNotices};
pub use permits::{PermitClient, PermitQuestion, serve_permits};
pub use record::{Captured, RecordError, decode_captured, decode_record, encode_record, encode_record_into};
pub use salts::{SaltClient, serve_salts};
pub use snapshot::{Filling, LinkSnapshot, SnapshotNotices};
pub use source::{ClickSource, Delivery, Lane};
pub use spool::{Kept, Position, ReplayFrom, SegmentReport, SetAside, Spool, SpoolError, SpoolFolder, SpoolOptions, SpoolReport};
