//! The API through its socket: HTTP, WebSocket, and every mutation's errors.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is missing")]

mod accounts;
mod annotations;
mod api_keys;
mod breakdown;
mod calendar;
mod click_counters;
mod conversions;
mod dashboard;
mod domains;
mod erasure;
mod explain;
mod export;
mod feeder;
mod filters;
mod fixture;
mod gates;
mod http;
mod jobs;
mod limits_of_counts;
mod link_creators;
mod link_labels;
mod links;
mod live;
mod misses;
mod of_links;
mod pipeline;
mod queries;
mod recipient_erasure;
mod reports;
mod retention;
mod rights;
mod signing;
mod sockets;
mod sparklines;
mod statistics;
mod told_by_pages;
