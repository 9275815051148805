//! Logging: one line per event on standard error, as text for people or JSON for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Sets the process's subscriber. A bad filter falls back to `info`, said in a warning.
pub fn init_telemetry(filter: &str, json: bool) {
    let parsed = EnvFilter::try_new(filter);
    let bad = parsed.is_err();
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // It would say so on standard error, and panic where that is the full disk.
    let builder = builder.log_internal_errors(false);
    // A second call, as in tests, keeps the first subscriber.
    let _ = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
    if bad {
        tracing::warn!("LINKLOGGER_LOG is no log filter; using \"info\". Write it like info or info,stream=debug.");
    }
}
