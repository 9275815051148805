//! Logging: one line per event on standard error, as text for people or JSON for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Libraries, or parts of them, whose lines say in their own words what ours say better, and with them what is
/// told unless the filter names the library.
const QUIET: [(&str, LevelFilter); 2] = [("async_nats", LevelFilter::WARN), ("sqlx::pool", LevelFilter::ERROR)];

/// Sets the process's subscriber. A bad filter falls back to `info`, said in a warning.
pub fn init_telemetry(filter: &str, json: bool) {
    let parsed = EnvFilter::try_new(with_quiet(filter));
    let bad = parsed.is_err();
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new(with_quiet("info")));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // It would say so on standard error, and panic where that is the full disk.
    let builder = builder.log_internal_errors(false);
    // A second call, as in tests, keeps the first subscriber.
    let _ = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
    if bad {
        tracing::warn!("LINKLOGGER_LOG is no log filter; using \"info\". Write it like info or info,stream=debug.");
    }
}

/// The filter, and what it does not say of libraries that would say much.
fn with_quiet(filter: &str) -> String {
    let level = filter.parse::<Targets>().ok().and_then(|targets| targets.default_level());
    let is_named = |target: &str| filter.contains(target.split("::").next().unwrap_or(target));
    let is_wanted = |(target, most): &(&str, LevelFilter)| !is_named(target) && level.is_some_and(|level| level > *most);
    let quiet = QUIET.iter().filter(|entry| is_wanted(entry)).map(|(library, most)| format!(",{library}={most}"));
    std::iter::once(filter.to_owned()).chain(quiet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_they_are_named_or_quieter_already() {
        for (filter, quiet) in [
            ("info", "info,async_nats=warn,sqlx::pool=error"),
            ("debug,stream=trace", "debug,stream=trace,async_nats=warn,sqlx::pool=error"),
            ("warn", "warn,sqlx::pool=error"),
            ("error,stream=debug", "error,stream=debug"),
            ("off", "off"),
            ("info,async_nats=debug", "info,async_nats=debug,sqlx::pool=error"),
            ("info,sqlx=debug", "info,sqlx=debug,async_nats=warn"),
            ("stream=debug", "stream=debug"),
            ("no filter=", "no filter="),
        ] {
            assert_eq!(with_quiet(filter), quiet);
        }
    }
}
