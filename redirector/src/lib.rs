//! The hot path: request ▸ link ▸ captured click ▸ answer.
//!
//! hyper's HTTP/1 without a router, one single-threaded runtime per core. A redirect waits for
//! nothing but its link, which is nearly always cached, and the append to the spool; never for the
//! broker, the table of clicks or the API. Only links whose owner asked for it wait for more: a look-up
//! in memory for their rules, a password's hash, a permit of their limit (`gate`).

mod answer;
mod cache;
mod capture;
mod consent;
mod cookies;
mod domains;
mod forms;
mod gate;
mod headers;
mod heads;
mod ignored;
mod listener;
mod logged;
mod message;
mod methods;
mod pages;
mod path;
mod policies;
mod query;
mod rates;
mod refused;
mod salts;
mod service;
mod settings;
mod strict;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::{
    ApiKeyId, ApiKeyState, HostName, LinkAddress, Millis, PermitLease, ResolvedLink, SaltOfDay, ServedDomain, ShortDomain, Wanted,
    WorkspaceId, WorkspacePolicy,
};
use enrich::GeoDatabases;
use ipnet::IpNet;
use platform::config::Capture;
use platform::{BindError, Clock, Health, Lifecycle, Metrics, Readiness, Refusals, Rng, SealKey};
use stream::{LinkNotices, Spool};
use tokio_util::task::TaskTracker;

use cache::Caches;
use consent::Consents;
use gate::{Gates, Permits};
use logged::Logger;
use policies::Policies;
use rates::Rates;
use salts::Salts;
use service::{Service, Sources};
use strict::Reducer;
use tls::Certificates;

pub use domains::{Domains, Served};
pub use tls::CertificateError;

/// The source of links cannot answer now.
#[derive(Debug, thiserror::Error)]
#[error("the source of links does not answer: {0}")]
pub struct LinkSourceDown(pub String);

/// Where links are looked up when the cache does not know them.
#[async_trait]
pub trait LinkSource: Send + Sync + std::fmt::Debug {
    /// The link at an address, deleted ones included.
    ///
    /// # Errors
    /// [`LinkSourceDown`]; "no such link" is `None`, never an error.
    async fn resolve(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, LinkSourceDown>;

    /// The verified domain of a host.
    ///
    /// # Errors
    /// [`LinkSourceDown`]; "no such domain" is `None`, never an error.
    async fn domain(&self, host: &HostName) -> Result<Option<ServedDomain>, LinkSourceDown>;
}

/// Where permits of links with a click limit come from.
#[async_trait]
pub trait PermitSource: Send + Sync + std::fmt::Debug {
    /// Takes a block of permits; 0 when the limit is reached. Asked for again within a minute, it is the
    /// same block.
    ///
    /// # Errors
    /// [`LinkSourceDown`]; the block may have been taken all the same.
    async fn lease(&self, lease: &PermitLease, wanted: Wanted) -> Result<u32, LinkSourceDown>;

    /// Gives back permits of a block that were not used and never will be; again, it gives nothing.
    ///
    /// # Errors
    /// [`LinkSourceDown`]; they may have been given back all the same.
    async fn give_back(&self, lease: &PermitLease, unused: u32) -> Result<(), LinkSourceDown>;
}

/// TLS of the redirector itself.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    pub listen: SocketAddr,
    /// The folder of certificates and keys.
    pub certificates: PathBuf,
}

/// The redirector cannot start: a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RedirectorStartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Certificates(#[from] CertificateError),
}

/// Where API keys and what workspaces decide are looked up.
#[async_trait]
pub trait PolicySource: Send + Sync + std::fmt::Debug {
    /// What became of a key; `None` where there never was one.
    ///
    /// # Errors
    /// [`LinkSourceDown`].
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, LinkSourceDown>;

    /// What a workspace decides for its redirects, be it nothing.
    ///
    /// # Errors
    /// [`LinkSourceDown`].
    async fn workspace_policy(&self, id: WorkspaceId) -> Result<WorkspacePolicy, LinkSourceDown>;

    /// Notes that a key was used, where that can be noted. Never fails.
    async fn key_used(&self, id: ApiKeyId, at: Millis);
}

/// Where the salts come from by which a day's visitors are told apart, with strict capture.
#[async_trait]
pub trait SaltSource: Send + Sync + std::fmt::Debug {
    /// The salt of the workspace's local day that `at` is in, today or within an hour; `None` where there is
    /// none to be had.
    ///
    /// # Errors
    /// [`LinkSourceDown`].
    async fn salt(&self, workspace: WorkspaceId, at: Millis) -> Result<Option<SaltOfDay>, LinkSourceDown>;
}

#[derive(Clone, Debug)]
pub struct RedirectorOptions {
    pub listen: SocketAddr,
    /// Threads that accept and answer.
    pub threads: usize,
    pub short_domain: ShortDomain,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Who reduces clicks to what their workspaces keep.
    pub capture: Capture,
    pub rates: RateLimits,
    pub look_ups: LookUpLimits,
    /// Where reports of links are posted to; none where visitors cannot reach the API.
    pub report_url: Option<String>,
    /// How long a connection may take for a request's head, and stay idle between requests.
    pub header_timeout: Duration,
    /// How long an answer may wait for its visitor to read any of it.
    pub write_timeout: Duration,
    /// None where a proxy in front speaks TLS.
    pub tls: Option<TlsOptions>,
}

/// Requests a second, ten times as many at once unless it says otherwise; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    /// Clicks of one address above which more are suspected.
    pub clicks: u32,
    /// The same of one link.
    pub clicks_of_link: u32,
    /// What is no redirect, of one address, before more is refused and nothing unknown looked up.
    pub misses: u32,
    /// Clicks that one API key logs before more are refused; twice as many at once.
    pub clicks_of_key: u32,
}

impl RateLimits {
    /// What docs/log-and-redirect.md promises of a key.
    pub const CLICKS_OF_KEY: u32 = 1_000;
    /// Misses of one address that are kept; what is more is counted.
    pub const MISSES_KEPT_OF_ADDRESS: u32 = 2;
    /// The same of one domain.
    pub const MISSES_KEPT_OF_DOMAIN: u32 = 20;
}

/// How much each cache may ask of its source: for keys that may be made up, and as much again for
/// those that are known to be real.
#[derive(Clone, Copy, Debug)]
pub struct LookUpLimits {
    pub at_once: usize,
    /// How many more may wait for their turn.
    pub waiting: usize,
}

impl Default for LookUpLimits {
    fn default() -> Self {
        Self { at_once: 64, waiting: 1_024 }
    }
}

/// What the redirector works with.
#[derive(Clone, Debug)]
pub struct Parts {
    pub spool: Spool,
    pub links: Arc<dyn LinkSource>,
    pub permits: Arc<dyn PermitSource>,
    pub policies: Arc<dyn PolicySource>,
    /// Asked with strict capture only.
    pub salts: Arc<dyn SaltSource>,
    /// Opens signing secrets; without it signed addresses get 503.
    pub seal_key: Option<SealKey>,
    /// For rules that ask where a visitor is, and for strict capture.
    pub geo: Arc<GeoDatabases>,
    pub notices: Arc<dyn LinkNotices>,
    pub clock: Clock,
    pub rng: Rng,
    pub health: Health,
    pub metrics: Metrics,
    pub refusals: Refusals,
}

#[derive(Debug)]
pub struct Redirector {
    options: RedirectorOptions,
    service: Service,
    caches: Caches,
    /// With strict capture.
    salts: Option<(Salts, Policies)>,
    permits: Permits,
    notices: Arc<dyn LinkNotices>,
    health: Health,
    refusals: Refusals,
}

impl Redirector {
    /// Must be made on the main runtime: links are looked up there.
    pub fn new(options: RedirectorOptions, parts: Parts) -> Self {
        let (look_ups, rates) = (options.look_ups, Arc::new(Rates::new(options.rates, Instant::now())));
        let salts = match options.capture {
            Capture::Worker => None,
            Capture::Strict => Some(Salts::new(parts.salts.clone(), parts.clock.clone())),
        };
        let policies =
            Policies::new(parts.policies.clone(), parts.seal_key.clone(), salts.clone(), look_ups, parts.clock.clone(), &parts.metrics);
        let reducer = Reducer::new(salts.clone(), parts.geo.clone(), &policies);
        let caches = Caches::new(&parts.links, &policies, look_ups, &parts.clock, &parts.metrics);
        let domains = Domains::new(options.short_domain.clone(), caches.hosts.clone(), &parts.metrics);
        let consents = Consents::new(&policies, parts.seal_key.as_ref(), &parts.clock, &parts.rng);
        let logger = Logger::new(&policies, &rates, &domains, &consents, &parts);
        let (notices, health, refusals) = (parts.notices.clone(), parts.health.clone(), parts.refusals.clone());
        let gates = Gates::new(parts.permits.clone(), parts.geo.clone(), &parts.clock, &parts.rng, &parts.metrics);
        let permits = gates.permits();
        let sources = Sources { links: caches.links.clone(), domains, gates, logger, consents, reducer, rates };
        let service = Service::new(&options, parts, sources);
        let salts = salts.map(|salts| (salts, policies));
        Self { options, service, caches, salts, permits, notices, health, refusals }
    }

    /// Which hosts are served, for whoever gets their certificates.
    pub fn domains(&self) -> Domains {
        self.service.domains()
    }

    /// Listens, and serves until the stop. Returns the address of plain HTTP.
    ///
    /// # Errors
    /// [`RedirectorStartError`] when an address cannot be had, or a certificate not used.
    pub fn start(self, lifecycle: &Lifecycle) -> Result<SocketAddr, RedirectorStartError> {
        let certificates = self.options.tls.as_ref().map(|tls| Certificates::load(&tls.certificates)).transpose()?;
        let tls = certificates.as_ref().map(Certificates::acceptor).transpose()?;
        let (service, threads) = (Arc::new(self.service), TaskTracker::new());
        let plain = listener::Port { variable: "LINKLOGGER_REDIRECT_LISTEN", listen: self.options.listen, tls: None };
        let address = listener::start(&self.options, plain, &service, &self.refusals, &threads, lifecycle)?;
        if let Some(options) = &self.options.tls {
            let port = listener::Port { variable: "LINKLOGGER_REDIRECT_TLS_LISTEN", listen: options.listen, tls };
            listener::start(&self.options, port, &service, &self.refusals, &threads, lifecycle)?;
        }
        if let Some(certificates) = certificates {
            lifecycle.spawn("certificates", certificates.follow(self.health.clone(), lifecycle.stopping().clone()));
        }
        lifecycle.spawn("link notices", self.caches.follow(self.notices, lifecycle.stopping().clone()));
        if let Some((salts, policies)) = self.salts {
            lifecycle.spawn("salts", salts.sweep(policies, lifecycle.stopping().clone()));
        }
        threads.close();
        lifecycle.spawn("permits", self.permits.sweep(lifecycle.stopping().clone(), threads));
        self.health.report("redirector", Readiness::Ready, "");
        Ok(address)
    }
}
