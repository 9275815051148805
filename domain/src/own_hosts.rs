//! The hosts that serve short links. A target there could lead visitors round in a circle, so no
//! target may lead there, of whatever input it comes from.

use url::Url;

use crate::target::fold_host;
use crate::{HostName, ShortDomain};

/// The shared short domain and a workspace's own domains, verified or not.
#[derive(Clone, Copy, Debug)]
pub struct OwnHosts<'a> {
    short: &'a ShortDomain,
    domains: &'a [HostName],
}

/// Whose host an address is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnHost {
    Short,
    Domain,
}

impl<'a> OwnHosts<'a> {
    pub fn new(short: &'a ShortDomain, domains: &'a [HostName]) -> Self {
        Self { short, domains }
    }

    /// Where no workspace is known, or asked.
    pub fn shared(short: &'a ShortDomain) -> Self {
        Self { short, domains: &[] }
    }

    pub(crate) fn short(self) -> &'a ShortDomain {
        self.short
    }

    /// On a workspace's own domain whatever the port: behind a proxy it serves on several.
    pub(crate) fn find(self, url: &Url) -> Option<OwnHost> {
        if self.short.is_own(url) {
            return Some(OwnHost::Short);
        }
        let host = fold_host(url.host_str()?);
        self.domains.iter().any(|domain| domain.as_str() == host).then_some(OwnHost::Domain)
    }
}
