//! Logging: one line per event on standard error, as text for people or JSON for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Libraries whose lines say in their own words what ours say better, and with them what is told
/// unless the filter names them.
const QUIET: [(&str, LevelFilter); 1] = [("async_nats", LevelFilter::WARN)];

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
    let is_wanted = |(library, most): &(&str, LevelFilter)| !filter.contains(library) && level.is_some_and(|level| level > *most);
    let quiet = QUIET.iter().filter(|entry| is_wanted(entry)).map(|(library, most)| format!(",{library}={most}"));
    std::iter::once(filter.to_owned()).chain(quiet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_they_are_named_or_quieter_already() {
        for (filter, quiet) in [
            ("info", "info,async_nats=warn"),
            ("debug,stream=trace", "debug,stream=trace,async_nats=warn"),
            ("warn", "warn"),
            ("error,stream=debug", "error,stream=debug"),
            ("off", "off"),
            ("info,async_nats=debug", "info,async_nats=debug"),
            ("stream=debug", "stream=debug"),
            ("no filter=", "no filter="),
        ] {
            assert_eq!(with_quiet(filter), quiet);
        }
    }
}
