//! `linklogger serve`: puts the roles of this process together, and takes them apart again.

mod roles;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api::{DnsResolver, Proofs};
use enrich::GeoDatabases;
use ipnet::IpNet;
use platform::config::{Capture, Config, LinksFrom, SignUp};
use platform::{Clock, Health, Lifecycle, Metrics, Refusals, Rng, SealKey};
use store::Store;
use worker::Salts;

use crate::commands::{prepare_data_dir, say};
use crate::database::{Presence, ProcessDatabase};
use crate::demo::{self, Demo, DemoFlags};
use crate::geoip;
use crate::private;
use crate::seal;
use crate::seams::{Means, Seams};

/// How long a stop may take; whoever waits for this process waits 10 seconds.
const DRAIN: Duration = Duration::from_secs(8);

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

    fn store(&self) -> Option<&Store> {
        self.database.as_ref().map(|database| &database.store)
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
