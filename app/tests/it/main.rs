//! The built program from outside, as its users meet it: embedded and as a cluster.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where what it needs is missing")]

mod absent_database;
mod bad_start;
mod chaos;
mod cluster;
mod daily_uniques;
mod dead_letters;
mod demo;
mod domains;
mod edge;
mod files;
mod geoip;
mod geoip_fetch;
mod help;
mod journey;
mod load;
mod logged;
mod misses;
mod pages;
#[cfg(target_os = "linux")]
mod passwords;
mod permits;
mod pipeline;
mod private;
mod processes;
mod retention;
mod rights;
mod rollups;
mod rules;
mod spool;
mod stop;
mod strict;
mod traces;
mod two_redirectors;
mod verdicts;
mod visitors;
mod workers;

use std::path::Path;

/// The program that cargo built for these tests.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_linklogger"))
}
