//! The API through its socket: HTTP, WebSocket, and every mutation's errors.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is missing")]

mod accounts;
mod breakdown;
mod dashboard;
mod feeder;
mod fixture;
mod gates;
mod http;
mod links;
mod live;
mod queries;
mod reports;
mod sockets;
