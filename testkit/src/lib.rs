//! What tests stand on: real servers on random ports that never outlive the test process, a
//! GraphQL client for HTTP and sockets, tiny geo databases, and waiting for a state with a deadline.
//!
//! Only for tests, so a failure here is a panic that says what did not happen.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot have its servers cannot run")]

mod dns;
mod graphql;
mod guardian;
pub mod mmdb;
mod nats;
mod postgres;
mod program;
mod wait;

pub use dns::DnsServer;
pub use graphql::{GraphQl, Subscription};
pub use guardian::Guardian;
pub use nats::NatsServer;
pub use postgres::Postgres;
pub use program::{Program, ProgramOptions};
pub use wait::{free_port, wait_until};
