//! The stream's suites: each seam's conformance suite runs on both of its implementations, the one
//! in the process and the one over a real nats-server.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where what it needs is missing")]

mod damage;
mod fixture;
mod full;
mod kept;
mod live;
mod monitor;
mod notices;
mod outages;
mod permits;
mod pinned;
mod sealed;
mod snapshot;
mod source;
mod spool;
mod tidied;
mod tool;
mod windows;
