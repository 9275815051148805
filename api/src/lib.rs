//! GraphQL over HTTP and WebSocket: accounts, links, queries on clicks, and live clicks.
//!
//! `schema` holds what can be asked, one file per topic; `shell` what surrounds it on the wire;
//! `auth` who asks; `live` what subscriptions are fed from; `feeder` and `permits` what redirectors
//! without a database are served with; `conversions` takes what is told of clicks; `report_form` takes what visitors report of links; `dashboard` is
//! the web app out of the binary.

mod auth;
mod backlog;
mod caller;
mod conversions;
mod dashboard;
mod domains;
mod export;
mod feeder;
mod live;
mod permits;
mod policy_feeder;
mod report_form;
mod schema;
mod shell;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use domain::ShortDomain;
use ipnet::IpNet;
use platform::config::{Origins, SignUp};
use platform::{BindError, ClientIp, Clock, Health, Lifecycle, Metrics, Readiness, Refusals, Rng, SealKey, bind, serve_http};
use store::Store;
use stream::{LinkNotices, LiveFeed};
use tokio_util::task::TaskTracker;

pub use backlog::LinkBacklog;
pub use dashboard::has_dashboard;
pub use domains::{DnsDown, DnsResolver, DomainChecks, Proofs, ResolverSetupError, TxtResolver};
pub use feeder::{FeedError, LinkFeeder, resync_links};
pub use permits::PermitService;
pub use schema::sdl;

use auth::{Passwords, Sessions};
use report_form::ReportForm;
use schema::Services;
use shell::Shell;

#[derive(Clone, Debug)]
pub struct ApiOptions {
    pub listen: SocketAddr,
    pub short_domain: ShortDomain,
    /// Who issues access tokens, and for whom.
    pub public_url: url::Url,
    pub origins: Origins,
    pub sign_up: SignUp,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Seals and opens signing secrets; without it there are none.
    pub seal_key: Option<SealKey>,
}

/// What the API works with.
#[derive(Clone, Debug)]
pub struct ApiParts {
    pub store: Store,
    pub feed: Arc<dyn LiveFeed>,
    pub notices: Arc<dyn LinkNotices>,
    /// Where the proofs of domains are looked for.
    pub proofs: Proofs,
    pub clock: Clock,
    pub rng: Rng,
    pub health: Health,
    pub refusals: Refusals,
    pub metrics: Metrics,
}

#[derive(Debug, thiserror::Error)]
pub enum ApiStartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("The API cannot start: {0}")]
    Other(String),
}

/// Listens, and serves until the stop. Returns the address.
///
/// # Errors
/// [`ApiStartError`], a sentence for the operator.
pub async fn start(options: ApiOptions, parts: ApiParts, lifecycle: &Lifecycle) -> Result<SocketAddr, ApiStartError> {
    let listener = bind("LINKLOGGER_API_LISTEN", options.listen)?;
    let address = listener.local_addr().unwrap_or(options.listen);
    let issuer = options.public_url.origin().ascii_serialization();
    let other = |error: &dyn std::fmt::Display| ApiStartError::Other(error.to_string());
    let sessions =
        Sessions::open(parts.store.clone(), parts.clock.clone(), parts.rng.clone(), issuer).await.map_err(|error| other(&error))?;
    let sessions = Arc::new(sessions);
    let client_ip = ClientIp::new(options.trusted_proxies);
    let peers = client_ip.clone();
    let reports = ReportForm::new(parts.store.clone(), parts.clock.clone(), parts.rng.clone(), client_ip.clone());
    let exports = export::Exports::new(parts.store.clone(), options.short_domain.clone(), parts.clock.clone(), parts.rng.clone());
    let tracker = Arc::new(conversions::Tracker::new(parts.store.clone(), parts.clock.clone(), &parts.metrics));
    let pages = conversions::Pages::new(tracker.clone(), client_ip.clone());
    let services = Services {
        export_url: format!("{}/export/workspace", options.public_url.as_str().trim_end_matches('/')),
        hub: Arc::new(live::Hub::new(parts.store.clone(), parts.feed)),
        store: parts.store,
        notices: parts.notices,
        sessions: sessions.clone(),
        passwords: Arc::new(Passwords::new(parts.rng.clone()).map_err(|error| other(&error))?),
        tracker: tracker.clone(),
        clock: parts.clock.clone(),
        rng: parts.rng.clone(),
        short_domain: options.short_domain,
        public_host: options.public_url.host_str().map(str::to_owned),
        proofs: parts.proofs,
        sign_up: options.sign_up,
        health: parts.health.clone(),
        seal_key: options.seal_key,
    };
    let shell = Shell {
        schema: schema::build(services),
        sessions,
        origins: options.origins,
        client_ip,
        clock: parts.clock,
        rng: parts.rng,
        stopping: lifecycle.stopping().clone(),
        open: TaskTracker::new(),
        sockets: Mutex::new(HashMap::new()),
        exports,
        tracker,
    };
    lifecycle.spawn("sockets", shell::farewell(shell.open.clone(), lifecycle.stopping().clone()));
    let router = shell::router(Arc::new(shell)).merge(reports.router()).merge(pages.router());
    lifecycle.spawn("api", serve_http(listener, router, peers, parts.refusals, lifecycle.stopping().clone()));
    parts.health.report("api", Readiness::Ready, "");
    Ok(address)
}
