//! What a captured click tells of its visitor's address. With strict capture it is reduced here, so
//! that the full one is never written: not to the spool, and so to nothing that is fed from it.

use std::net::IpAddr;
use std::sync::Arc;

use domain::Address;
use enrich::GeoDatabases;
use platform::config::Capture;

use crate::policies::Settings;

/// Clones share the databases.
#[derive(Clone, Debug)]
pub(crate) enum Addresses {
    /// For the worker to reduce.
    InFull,
    Reduced(Arc<GeoDatabases>),
}

impl Addresses {
    pub fn new(capture: Capture, geo: Arc<GeoDatabases>) -> Self {
        match capture {
            Capture::Worker => Self::InFull,
            Capture::Strict => Self::Reduced(geo),
        }
    }

    pub fn of(&self, ip: IpAddr, settings: &Settings) -> Address {
        match self {
            Self::InFull => Address::Full(ip),
            Self::Reduced(geo) => {
                let mut reduced = geo.reduce(ip);
                if !settings.keeps_network() {
                    reduced.network.clear();
                }
                Address::Reduced(reduced)
            }
        }
    }
}
