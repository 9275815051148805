//! Geo databases as an operator meets them: where they are found, `linklogger geoip`, and the watch over
//! those in use.

mod archive;
mod catalogue;
mod command;
mod fetch;
mod registry;
mod watch;

use enrich::GeoSource;
use jiff::Timestamp;
use platform::config::Config;

pub(crate) use command::{GeoIpCommand, run};
pub(crate) use watch::Watch;

/// The files that this process asks.
pub(crate) fn source(config: &Config) -> GeoSource {
    match &config.geoip_db {
        Some(files) => GeoSource::Files(files.clone()),
        None => GeoSource::Folder(config.geoip_folder()),
    }
}

/// The day of an instant in Unix seconds, such as 2026-06-05 in UTC.
fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| "an unknown day".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}
