//! What every role stands on: the one configuration, the clock and its random twin, logging,
//! metrics, readiness, listeners, who asks and how often, hashes of passwords, and the order of a stop.
//!
//! Nothing outside this crate reads the environment, the wall clock or the system's randomness.

mod backoff;
mod client_ip;
mod clock;
pub mod config;
mod connections;
mod files;
mod health;
mod http;
mod lifecycle;
mod listen;
mod metrics;
mod moving;
mod ops;
mod password;
mod private;
mod rate;
mod rng;
mod seal;
mod signature;
mod telemetry;
mod throttle;

pub use backoff::Backoff;
pub use client_ip::{Client, ClientIp, proxy_advice, visitor_network};
pub use clock::Clock;
pub use connections::{Place, Refusals, Room};
pub use files::{files_advice, is_out_of_files, raise_file_limit};
pub use health::{DurabilityClass, Health, HopDurability, Readiness};
pub use http::{Peer, serve_http};
pub use lifecycle::Lifecycle;
pub use listen::{BindError, bind, bind_reuse_port};
pub use metrics::Metrics;
pub use moving::Moving;
pub use ops::{TlsAllowed, ops_router, tls_allowed_router};
pub use password::{PasswordError, is_password, password_hash};
pub use private::{Closed, keep_files_private, make_private};
pub use rate::{Allowance, ExactAllowance};
pub use rng::Rng;
pub use seal::{SealError, SealKey};
pub use signature::{is_same, is_signature, signature_of};
pub use telemetry::init_telemetry;
pub use throttle::Throttle;
