//! The API through its socket: HTTP, WebSocket, and every mutation's errors.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is missing")]

mod accounts;
mod api_keys;
mod breakdown;
mod conversions;
mod dashboard;
mod domains;
mod erasure;
mod feeder;
mod filters;
mod fixture;
mod gates;
mod http;
mod jobs;
mod links;
mod live;
mod pipeline;
mod queries;
mod reports;
mod retention;
mod rights;
mod signing;
mod sockets;
mod statistics;
mod told_by_pages;
