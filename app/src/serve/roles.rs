//! What each role of a process is started with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{ApiOptions, ApiParts, DomainChecks};
use enrich::Enricher;
use platform::{ClientIp, TlsAllowed, bind, ops_router, serve_http, tls_allowed_router};
use redirector::{Domains, LookUpLimits, Parts, RateLimits, Redirector, RedirectorOptions, Served, TlsOptions};
use worker::{Pump, Purge, RollupUpkeep, WorkerParts, carry_out_rights, clean_permits, destroy_salts, keep_partitions, run_jobs};

use super::Process;
use crate::seams::Seams;

/// How long a visitor's connection may take for a request's head, and stay idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer may wait for its visitor to read any of it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

impl Process {
    pub(super) fn start_worker(&self) {
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

    pub(super) fn start_redirector(&self) -> anyhow::Result<Option<(SocketAddr, Domains)>> {
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

    pub(super) async fn start_api(&self) -> anyhow::Result<Option<SocketAddr>> {
        let Some(parts) = self.api_parts().filter(|_| self.config.roles.api) else { return Ok(None) };
        let ApiParts { store, proofs, notices, clock, rng, .. } = parts.clone();
        let checks = DomainChecks { store, proofs, notices, clock, rng };
        self.lifecycle.spawn("domain checks", checks.run(self.lifecycle.stopping().clone()));
        Ok(Some(api::start(self.api_options(), parts, &self.lifecycle).await?))
    }

    pub(super) fn api_options(&self) -> ApiOptions {
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

    pub(super) fn api_parts(&self) -> Option<ApiParts> {
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

    pub(super) fn start_ops(&self, domains: Option<Domains>) -> anyhow::Result<()> {
        let listener = bind("LINKLOGGER_OPS_LISTEN", self.config.ops_listen)?;
        let mut router = ops_router(self.health.clone(), self.metrics.clone(), &self.lifecycle);
        if let Some(domains) = domains {
            router = router.merge(tls_allowed_router(move |host| tls_allowed(domains.clone(), host)));
        }
        let client_ip = ClientIp::new(self.config.trusted_proxies.clone());
        self.lifecycle.spawn("ops", serve_http(listener, router, client_ip, self.refusals.clone(), self.lifecycle.stopping().clone()));
        Ok(())
    }
}

async fn tls_allowed(domains: Domains, host: String) -> TlsAllowed {
    match domains.serves(&host).await {
        Served::Yes => TlsAllowed::Yes,
        Served::No => TlsAllowed::No,
        Served::CannotTell => TlsAllowed::CannotTell,
    }
}
