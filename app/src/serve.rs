//! `linklogger serve`: puts the roles of this process together, and takes them apart again.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api::{ApiOptions, ApiParts, DnsResolver, DomainChecks, Proofs};
use enrich::{Enricher, GeoDatabases};
use ipnet::IpNet;
use platform::config::{Capture, Config, LinksFrom, SignUp};
use platform::{
    ClientIp, Clock, Health, Lifecycle, Metrics, Refusals, Rng, SealKey, TlsAllowed, bind, ops_router, serve_http, tls_allowed_router,
};
use redirector::{Domains, LookUpLimits, Parts, RateLimits, Redirector, RedirectorOptions, Served, TlsOptions};
use store::Store;
use worker::{Pump, Purge, RollupUpkeep, Salts, WorkerParts, carry_out_rights, clean_permits, destroy_salts, keep_partitions, run_jobs};

use crate::commands::{prepare_data_dir, say};
use crate::database::{Presence, ProcessDatabase};
use crate::demo::{self, Demo, DemoFlags};
use crate::geoip;
use crate::private;
use crate::seal;
use crate::seams::{Means, Seams};

/// How long a stop may take; whoever waits for this process waits 10 seconds.
const DRAIN: Duration = Duration::from_secs(8);
/// How long a visitor's connection may take for a request's head, and stay idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer may wait for its visitor to read any of it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What all roles share.
struct Process {
    config: Config,
    /// None for a redirector that takes its links from NATS.
    database: Option<ProcessDatabase>,
    /// Of that database, when the process began.
    presence: Presence,
    seams: Seams,
    /// Of that database.
    salts: Option<Salts>,
    seal_key: Option<SealKey>,
    /// For the roles that look up addresses; empty for the others.
    geo: Arc<GeoDatabases>,
    /// With the role api.
    proofs: Option<Proofs>,
    clock: Clock,
    rng: Rng,
    health: Health,
    metrics: Metrics,
    refusals: Refusals,
    lifecycle: Lifecycle,
}

/// Serves until a signal; also plays the demo if its flags are given.
pub(crate) async fn serve(mut config: Config, demo: Option<DemoFlags>) -> anyhow::Result<ExitCode> {
    if demo.is_some() {
        anyhow::ensure!(config.roles.is_all(), "The demo runs all roles in one process. Leave out LINKLOGGER_ROLES.");
        // The demo's visitors come through a proxy on this machine.
        config.trusted_proxies.push(IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST)));
    }
    let lifecycle = Lifecycle::new();
    let process = Process::new(config, lifecycle.clone()).await?;
    // What needs no database comes first.
    let (redirect, domains) = process.start_redirector()?.unzip();
    process.start_ops(domains)?;
    tokio::select! {
        started = process.start_with_database(redirect, demo) => {
            started?;
            lifecycle.until_stopped().await;
        }
        () = lifecycle.until_stopped() => {}
    }
    let clean = lifecycle.drained(DRAIN).await;
    // SQLite folds its log into the file; a database that is away must not hold up the end.
    if let Some(database) = &process.database {
        let _ = tokio::time::timeout(Duration::from_secs(1), database.store.close()).await;
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Process {
    async fn new(config: Config, lifecycle: Lifecycle) -> anyhow::Result<Self> {
        private::close_data(&config);
        prepare_data_dir(&config)?;
        let (clock, rng, health, metrics) = (Clock::System, Rng::System, Health::default(), Metrics::default());
        metrics.show_durability(health.clone());
        let database = match config.links_from {
            LinksFrom::Database => Some(ProcessDatabase::open(&config, &clock, &rng, &health).await?),
            LinksFrom::Nats => None,
        };
        // Before anything is served, so that what only a person can mend is told at once.
        let presence = match &database {
            Some(database) => database.look().await?,
            None => Presence::There,
        };
        let seal_key = seal::load(&config, &rng, &health)?;
        let salts = database.as_ref().map(|database| Salts::new(database.store.clone(), rng.clone()));
        let seams = Seams::new(Means {
            config: &config,
            store: database.as_ref().map(|database| &database.store),
            salts: salts.as_ref(),
            seal_key: seal_key.as_ref(),
            clock: &clock,
            rng: &rng,
            health: &health,
            metrics: &metrics,
            lifecycle: &lifecycle,
        })
        .await?;
        let looks_up = config.roles.worker || config.roles.redirector;
        let geo = Arc::new(if looks_up { GeoDatabases::open(geoip::source(&config))? } else { GeoDatabases::default() });
        if looks_up {
            let is_needed = config.roles.redirector && config.capture == Capture::Strict;
            let watch = geoip::Watch::new(geo.clone(), is_needed, &health, &metrics, &clock);
            lifecycle.spawn("geo databases", watch.run(lifecycle.stopping().clone()));
        }
        let resolver = config.roles.api.then(|| DnsResolver::new(config.dns_server)).transpose()?;
        let refusals = Refusals::new(&health, &metrics);
        let proofs = resolver.map(|resolver| Proofs::new(Arc::new(resolver)));
        for (role, is_ours) in [("api", config.roles.api), ("worker", config.roles.worker)] {
            if is_ours {
                health.expect(role, "It starts as soon as the database is there: see the part \"database\".");
            }
        }
        Ok(Self { config, database, presence, seams, salts, seal_key, geo, proofs, clock, rng, health, metrics, refusals, lifecycle })
    }

    /// Starts what needs the database, as soon as that is there.
    async fn start_with_database(&self, redirect: Option<SocketAddr>, demo: Option<DemoFlags>) -> anyhow::Result<()> {
        if let Some(database) = &self.database {
            if self.presence == Presence::Away {
                database.wait().await?;
            }
            self.lifecycle.spawn("database health", database.clone().watch(self.lifecycle.stopping().clone()));
        }
        // The worker first, so that nothing that comes in waits for it.
        self.start_worker();
        let api = self.start_api().await?;
        say(&self.welcome(api, redirect))?;
        if let Some(((flags, api), redirect)) = demo.zip(api).zip(redirect) {
            self.start_demo(flags, api, redirect);
        }
        Ok(())
    }

    fn start_worker(&self) {
        let Some(((source, store), salts)) = self.seams.source.as_ref().zip(self.store()).zip(self.salts.clone()) else { return };
        let enricher = Arc::new(Enricher::new(self.geo.clone()));
        let parts = WorkerParts {
            store: store.clone(),
            salts: salts.clone(),
            feed: self.seams.feed.clone(),
            enricher: enricher.clone(),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            health: self.health.clone(),
        };
        Pump::new(parts, &self.metrics).start(source.as_ref(), &self.lifecycle);
        let upkeep = keep_partitions(store.clone(), self.clock.clone(), self.lifecycle.stopping().clone());
        self.lifecycle.spawn("partitions", upkeep);
        let upkeep = clean_permits(store.clone(), self.clock.clone(), self.lifecycle.stopping().clone());
        self.lifecycle.spawn("permits' upkeep", upkeep);
        let jobs = run_jobs(store.clone(), enricher, self.clock.clone(), self.lifecycle.stopping().clone());
        self.lifecycle.spawn("jobs", jobs);
        let upkeep = destroy_salts(salts, self.clock.clone(), self.lifecycle.stopping().clone());
        self.lifecycle.spawn("salts' upkeep", upkeep);
        let purge = Purge::new(store.clone(), self.clock.clone(), self.rng.clone(), &self.metrics);
        self.lifecycle.spawn("purge", purge.run(self.lifecycle.stopping().clone()));
        let upkeep = RollupUpkeep::new(store.clone(), self.clock.clone(), self.rng.clone(), &self.metrics);
        self.lifecycle.spawn("rollups' upkeep", upkeep.run(self.lifecycle.stopping().clone()));
        let upkeep = carry_out_rights(store.clone(), self.rng.clone(), self.clock.clone(), self.lifecycle.stopping().clone());
        self.lifecycle.spawn("erasures and removals", upkeep);
    }

    fn store(&self) -> Option<&Store> {
        self.database.as_ref().map(|database| &database.store)
    }

    fn start_redirector(&self) -> anyhow::Result<Option<(SocketAddr, Domains)>> {
        let Seams { spool: Some(spool), links: Some(links), permits: Some(permits), policies: Some(policies), salts: Some(salts), .. } =
            &self.seams
        else {
            return Ok(None);
        };
        let options = RedirectorOptions {
            listen: self.config.redirect_listen,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            short_domain: self.config.short_domain.clone(),
            trusted_proxies: self.config.trusted_proxies.clone(),
            capture: self.config.capture,
            rates: RateLimits {
                clicks: self.config.click_rate,
                clicks_of_link: self.config.link_rate,
                misses: self.config.miss_rate,
                clicks_of_key: RateLimits::CLICKS_OF_KEY,
            },
            look_ups: LookUpLimits::default(),
            report_url: self.config.report_url(),
            header_timeout: HEADER_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            tls: self.config.redirect_tls.clone().map(|tls| TlsOptions { listen: tls.listen, certificates: tls.certs }),
        };
        let parts = Parts {
            spool: spool.clone(),
            links: links.clone(),
            permits: permits.clone(),
            policies: policies.clone(),
            salts: salts.clone(),
            seal_key: self.seal_key.clone(),
            geo: self.geo.clone(),
            notices: self.seams.notices.clone(),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            refusals: self.refusals.clone(),
        };
        let redirector = Redirector::new(options, parts);
        let domains = redirector.domains();
        Ok(Some((redirector.start(&self.lifecycle)?, domains)))
    }

    async fn start_api(&self) -> anyhow::Result<Option<SocketAddr>> {
        let Some(parts) = self.api_parts().filter(|_| self.config.roles.api) else { return Ok(None) };
        let ApiParts { store, proofs, notices, clock, rng, .. } = parts.clone();
        let checks = DomainChecks { store, proofs, notices, clock, rng };
        self.lifecycle.spawn("domain checks", checks.run(self.lifecycle.stopping().clone()));
        Ok(Some(api::start(self.api_options(), parts, &self.lifecycle).await?))
    }

    fn api_options(&self) -> ApiOptions {
        ApiOptions {
            listen: self.config.api_listen,
            short_domain: self.config.short_domain.clone(),
            public_url: self.config.public_url.clone(),
            origins: self.config.allowed_origins.clone(),
            sign_up: self.config.sign_up,
            trusted_proxies: self.config.trusted_proxies.clone(),
            seal_key: self.seal_key.clone(),
        }
    }

    fn api_parts(&self) -> Option<ApiParts> {
        Some(ApiParts {
            store: self.store()?.clone(),
            feed: self.seams.feed.clone(),
            notices: self.seams.notices.clone(),
            proofs: self.proofs.clone()?,
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            health: self.health.clone(),
            refusals: self.refusals.clone(),
            metrics: self.metrics.clone(),
        })
    }

    fn start_ops(&self, domains: Option<Domains>) -> anyhow::Result<()> {
        let listener = bind("LINKLOGGER_OPS_LISTEN", self.config.ops_listen)?;
        let mut router = ops_router(self.health.clone(), self.metrics.clone(), &self.lifecycle);
        if let Some(domains) = domains {
            router = router.merge(tls_allowed_router(move |host| tls_allowed(domains.clone(), host)));
        }
        let client_ip = ClientIp::new(self.config.trusted_proxies.clone());
        self.lifecycle.spawn("ops", serve_http(listener, router, client_ip, self.refusals.clone(), self.lifecycle.stopping().clone()));
        Ok(())
    }

    fn start_demo(&self, flags: DemoFlags, api: SocketAddr, redirect: SocketAddr) {
        let (options, Some(parts)) = (self.api_options(), self.api_parts()) else { return };
        let geo = self.geo.clone();
        let demo = Demo { flags, config: self.config.clone(), geo, api, redirect, options, parts };
        self.lifecycle.spawn("demo", demo::run(demo, self.lifecycle.stopping().clone()));
    }

    fn welcome(&self, api: Option<SocketAddr>, redirect: Option<SocketAddr>) -> String {
        let mut lines = vec!["Link Logger is running. Stop it with Ctrl-C.".to_owned()];
        if let Some(address) = api {
            let page = self.config.public_url.as_str().trim_end_matches('/');
            lines.push(match (api::has_dashboard(), self.config.sign_up) {
                (true, SignUp::Open) => format!("  Dashboard    {page}  (open it in a browser to sign up)"),
                (true, _) => format!("  Dashboard    {page}  (sign-up is closed; who has an account signs in)"),
                (false, _) => "  Dashboard    not in this build: run `make dashboard` and build again".to_owned(),
            });
            lines.push(format!("  GraphQL      http://{address}/graphql"));
        }
        if let Some(address) = redirect {
            lines.push(format!("  Short links  {}  (listening on {address})", self.config.short_domain.short_url("…")));
        }
        if let Some(tls) = self.config.redirect_tls.as_ref().filter(|_| redirect.is_some()) {
            lines.push(format!("  Over https   listening on {}", tls.listen));
        }
        lines.push(format!("  Operations   http://{}/readyz", self.config.ops_listen));
        lines.join("\n") + "\n"
    }
}

async fn tls_allowed(domains: Domains, host: String) -> TlsAllowed {
    match domains.serves(&host).await {
        Served::Yes => TlsAllowed::Yes,
        Served::No => TlsAllowed::No,
        Served::CannotTell => TlsAllowed::CannotTell,
    }
}
