//! One request, from its head to its answer. The click is in the spool before the answer leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Instant;

use domain::{ClickId, Method, Outcome, ResolvedLink, ShortDomain, Slug, forward_query};
use hyper::body::Incoming;
use hyper::{Method as HttpMethod, Request};
use platform::{Clock, Health, Readiness, Rng};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use stream::{Spool, SpoolError};

use crate::answer::{self, Answer, Page};
use crate::cache::{Known, LinkCache};
use crate::capture::{Decision, Facts, capture};
use crate::client_ip::{ClientIp, advice};
use crate::message;
use crate::{Parts, RedirectorOptions};

/// A full disk is told of this often.
const COMPLAIN_EVERY_MILLIS: i64 = 10_000;

#[derive(Clone, Debug)]
struct Counters {
    captured: Counter,
    misses: Counter,
    /// Clicks that were answered without being captured, by reason.
    lost: Family<Vec<(&'static str, &'static str)>, Counter>,
}

const SPOOL: [(&str, &str); 1] = [("reason", "spool")];

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    spool: Spool,
    cache: LinkCache,
    client_ip: ClientIp,
    short_domain: ShortDomain,
    clock: Clock,
    rng: Rng,
    health: Health,
    counters: Counters,
    complained_at: Arc<AtomicI64>,
    /// Whether the last click could not be kept.
    losing: Arc<AtomicBool>,
    /// Whether hidden visitors were told of.
    warned: Arc<AtomicBool>,
}

impl Service {
    pub fn new(options: &RedirectorOptions, parts: Parts, cache: LinkCache) -> Self {
        let metrics = &parts.metrics;
        let counters = Counters {
            captured: metrics.register("redirector_clicks", "Clicks captured", Counter::default()),
            misses: metrics.register("redirector_misses", "Requests for slugs that are no link", Counter::default()),
            lost: metrics.register("redirector_lost", "Clicks answered without being captured", Family::default()),
        };
        let _ = counters.lost.get_or_create(&SPOOL.to_vec());
        Self {
            spool: parts.spool,
            cache,
            client_ip: ClientIp::new(options.trusted_proxies.clone()),
            short_domain: options.short_domain.clone(),
            clock: parts.clock,
            rng: parts.rng,
            health: parts.health,
            counters,
            complained_at: Arc::default(),
            losing: Arc::default(),
            warned: Arc::default(),
        }
    }

    pub async fn answer(&self, peer: IpAddr, request: Request<Incoming>) -> Answer {
        let started = Instant::now();
        let Ok(host) = message::host(&request) else { return answer::malformed() };
        let method = match *request.method() {
            HttpMethod::GET => Method::Get,
            HttpMethod::HEAD => Method::Head,
            _ => return answer::page(Page::MethodNotAllowed),
        };
        let path = request.uri().path();
        match path {
            "/" => return answer::page(Page::Root),
            "/robots.txt" => return answer::robots(),
            "/favicon.ico" => return answer::no_content(),
            _ => {}
        }
        let served = host.is_none_or(|host| self.short_domain.serves(host));
        let slug = if served { folded(path) } else { None };
        let Some(slug) = slug else { return self.miss() };
        match self.cache.resolve(&slug).await {
            Known::Link(link) => self.found(&link, method, peer, &request, started).await,
            Known::Nothing => self.miss(),
            Known::CannotTell => answer::page(Page::Unavailable),
        }
    }

    fn miss(&self) -> Answer {
        self.counters.misses.inc();
        answer::page(Page::NotFound)
    }

    async fn found(&self, link: &ResolvedLink, method: Method, peer: IpAddr, request: &Request<Incoming>, started: Instant) -> Answer {
        let (decision, target) = decide(link, request.uri().query());
        self.warn_of_hidden_visitors(peer, request);
        let facts = Facts {
            id: ClickId::new(self.clock.now(), self.rng.entropy()),
            method,
            url: self.url(request),
            ip: self.client_ip.of(peer, request.headers()),
            headers: request.headers(),
            redirect_micros: u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX),
        };
        let answer = match decision.outcome {
            Outcome::Redirected => answer::redirect(decision.status, &target),
            _ => answer::page(Page::Gone),
        };
        let click = capture(link, target, decision, facts);
        match self.spool.keep(&click).await {
            Ok(()) => self.kept(),
            // The visitor is sent on all the same.
            Err(error) => self.lost(&error),
        }
        answer
    }

    fn url(&self, request: &Request<Incoming>) -> String {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        self.short_domain.short_url(path.strip_prefix('/').unwrap_or(path))
    }

    fn warn_of_hidden_visitors(&self, peer: IpAddr, request: &Request<Incoming>) {
        if !self.warned.load(Ordering::Relaxed) && self.client_ip.hides_visitors(peer, request.headers()) {
            self.warned.store(true, Ordering::Relaxed);
            let advice = advice(peer);
            if self.health.warn("trusted_proxies", advice.clone()) {
                tracing::warn!("{advice}");
            }
        }
    }

    fn kept(&self) {
        self.counters.captured.inc();
        if self.losing.load(Ordering::Relaxed) && self.losing.swap(false, Ordering::Relaxed) {
            self.health.report("spool", Readiness::Ready, "");
        }
    }

    fn lost(&self, error: &SpoolError) {
        self.counters.lost.get_or_create(&SPOOL.to_vec()).inc();
        if !self.losing.swap(true, Ordering::Relaxed) {
            self.health.report("spool", Readiness::Degraded, format!("Clicks are answered and not captured. {error}"));
        }
        let now = self.clock.now().0;
        let last = self.complained_at.load(Ordering::Relaxed);
        if now - last >= COMPLAIN_EVERY_MILLIS
            && self.complained_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            tracing::error!(%error, "a click was answered but not captured");
        }
    }
}

fn folded(path: &str) -> Option<String> {
    let slug = path.strip_prefix('/')?;
    Slug::fold_path(slug.strip_suffix('/').unwrap_or(slug))
}

fn decide(link: &ResolvedLink, query: Option<&str>) -> (Decision, String) {
    if link.deleted {
        return (Decision { outcome: Outcome::Disabled, status: 410 }, link.target.as_str().to_owned());
    }
    let target = match query {
        Some(query) if link.forward_query => forward_query(link.target.as_str(), query),
        _ => link.target.as_str().to_owned(),
    };
    (Decision { outcome: Outcome::Redirected, status: link.redirect_status.code() }, target)
}
