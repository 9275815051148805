//! The hot path: request ▸ link ▸ captured click ▸ answer.
//!
//! hyper's HTTP/1 without a router, one single-threaded runtime per core. A redirect waits for
//! nothing but its link, which is nearly always cached, and the append to the spool; never for the
//! broker, the table of clicks or the API. Only links whose owner asked for it wait for more: a look-up
//! in memory for their rules, a password's hash, a permit of their limit (`gate`).

mod answer;
mod cache;
mod capture;
mod gate;
mod listener;
mod message;
mod pages;
mod rates;
mod service;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{LinkId, ResolvedLink, ShortDomain};
use enrich::GeoDatabases;
use ipnet::IpNet;
use platform::{BindError, Clock, Health, Lifecycle, Metrics, Readiness, Rng};
use stream::{LinkNotices, Spool};

use cache::LinkCache;
use gate::{Gates, Permits};
use service::Service;

/// The source of links cannot answer now.
#[derive(Debug, thiserror::Error)]
#[error("the source of links does not answer: {0}")]
pub struct LinkSourceDown(pub String);

/// Where links are looked up when the cache does not know them.
#[async_trait]
pub trait LinkSource: Send + Sync + std::fmt::Debug {
    /// The link that a folded slug of the shared domain leads to, deleted ones included.
    ///
    /// # Errors
    /// [`LinkSourceDown`]; "no such link" is `None`, never an error.
    async fn resolve(&self, folded_slug: &str) -> Result<Option<ResolvedLink>, LinkSourceDown>;
}

/// Where permits of links with a click limit come from.
#[async_trait]
pub trait PermitSource: Send + Sync + std::fmt::Debug {
    /// Takes up to `wanted` permits for good; 0 when the limit is reached.
    ///
    /// # Errors
    /// [`LinkSourceDown`].
    async fn lease(&self, link: LinkId, wanted: u32) -> Result<u32, LinkSourceDown>;

    /// Gives back permits that were not used and never will be.
    ///
    /// # Errors
    /// [`LinkSourceDown`].
    async fn give_back(&self, link: LinkId, unused: u32) -> Result<(), LinkSourceDown>;
}

#[derive(Clone, Debug)]
pub struct RedirectorOptions {
    pub listen: SocketAddr,
    /// Threads that accept and answer.
    pub threads: usize,
    pub short_domain: ShortDomain,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    pub rates: RateLimits,
    /// Where reports of links are posted to; none where visitors cannot reach the API.
    pub report_url: Option<String>,
    /// How long a connection may take for a request's head, and stay idle between requests.
    pub header_timeout: Duration,
}

/// Requests a second, ten times as many at once; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    /// Clicks of one address above which more are suspected.
    pub clicks: u32,
    /// The same of one link.
    pub clicks_of_link: u32,
    /// What is no redirect, of one address, before more is refused.
    pub misses: u32,
}

/// What the redirector works with.
#[derive(Clone, Debug)]
pub struct Parts {
    pub spool: Spool,
    pub links: Arc<dyn LinkSource>,
    pub permits: Arc<dyn PermitSource>,
    /// For rules that ask where a visitor is.
    pub geo: Arc<GeoDatabases>,
    pub notices: Arc<dyn LinkNotices>,
    pub clock: Clock,
    pub rng: Rng,
    pub health: Health,
    pub metrics: Metrics,
}

#[derive(Debug)]
pub struct Redirector {
    options: RedirectorOptions,
    service: Service,
    cache: LinkCache,
    permits: Permits,
    notices: Arc<dyn LinkNotices>,
    health: Health,
}

impl Redirector {
    /// Must be made on the main runtime: links are looked up there.
    pub fn new(options: RedirectorOptions, parts: Parts) -> Self {
        let cache = LinkCache::new(parts.links.clone(), parts.clock.clone(), &parts.metrics);
        let (notices, health) = (parts.notices.clone(), parts.health.clone());
        let gates = Gates::new(parts.permits.clone(), parts.geo.clone(), &parts.clock, &parts.metrics);
        let permits = gates.permits();
        let service = Service::new(&options, parts, cache.clone(), gates);
        Self { options, service, cache, permits, notices, health }
    }

    /// Listens, and serves until the stop. Returns the address.
    ///
    /// # Errors
    /// [`BindError`] when the address cannot be had.
    pub fn start(self, lifecycle: &Lifecycle) -> Result<SocketAddr, BindError> {
        let address = listener::start(&self.options, self.service, lifecycle)?;
        lifecycle.spawn("link notices", self.cache.follow(self.notices, lifecycle.stopping().clone()));
        lifecycle.spawn("permits", self.permits.sweep(lifecycle.stopping().clone()));
        self.health.report("redirector", Readiness::Ready, "");
        Ok(address)
    }
}
