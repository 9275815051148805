//! The redirector through a real socket, with a real spool and a source of links that the test
//! controls.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where what it needs is missing")]

mod click_ids;
mod click_limits;
mod consent;
mod domains;
mod fast_limits;
mod fixture;
mod forms;
mod full;
mod gates;
mod hostile;
mod limits;
mod links;
mod logged;
mod look_ups;
mod loops;
mod methods;
mod own_clicks;
mod pages;
mod rates;
mod refused;
mod requests;
mod signals;
mod sources;
mod strict;
mod tls;
