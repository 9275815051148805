//! What the benchmarks of the store share: clicks that are the same in every run, databases to put them in,
//! and how figures are written.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub mod charts;
pub mod clicks;
pub mod databases;
pub mod dice;
#[path = "../../tests/it/fixture.rs"]
pub mod fixture;
pub mod load;
pub mod report;
pub mod rows;
pub mod sizes;
pub mod timeline;
pub mod visitor;
pub mod words;
pub mod world;

/// What a setting of the environment says; `BENCH_` is put before its name.
pub fn setting(name: &str) -> Option<String> {
    std::env::var_os(format!("BENCH_{name}")).map(|value| value.to_string_lossy().into_owned())
}

/// Whether a name is among those of a setting, which are between commas; all are where it is not there.
pub fn chosen(setting_name: &str, name: &str) -> bool {
    setting(setting_name).is_none_or(|names| names.split(',').any(|chosen| chosen.trim().eq_ignore_ascii_case(name)))
}

/// A number of the environment.
pub fn number(name: &str, otherwise: usize) -> usize {
    setting(name).map_or(otherwise, |value| value.replace('_', "").parse().unwrap_or_else(|_| panic!("BENCH_{name} is no number")))
}
