//! One request, from its head to its answer. The click is in the spool before the answer leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use domain::{ClickId, Method, Millis, Outcome, ResolvedLink, ShortDomain, Slug, parse_query};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts as Head;
use hyper::{Method as HttpMethod, Request};
use platform::{ClientIp, Clock, Health, Readiness, Rng, proxy_advice};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use stream::{Spool, SpoolError};

use crate::answer::{self, Answer, Page};
use crate::cache::{Known, LinkCache};
use crate::capture::{Decision, Facts, capture};
use crate::gate::{Gates, Seen, target_with};
use crate::message;
use crate::pages::{self, Aside, Drawing, Order, Shown};
use crate::rates::Rates;
use crate::{Parts, RedirectorOptions};

/// A full disk is told of this often.
const COMPLAIN_EVERY_MILLIS: i64 = 10_000;
/// A form with one password.
const MAX_FORM: usize = 4_096;
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
struct Counters {
    captured: Counter,
    misses: Counter,
    refused: Counter,
    /// Clicks that were answered without being captured, by reason.
    lost: Family<Vec<(&'static str, &'static str)>, Counter>,
}

const SPOOL: [(&str, &str); 1] = [("reason", "spool")];

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    spool: Spool,
    cache: LinkCache,
    gates: Gates,
    client_ip: ClientIp,
    rates: Arc<Rates>,
    report_url: Option<Arc<str>>,
    drawing: Drawing,
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
    pub fn new(options: &RedirectorOptions, parts: Parts, cache: LinkCache, gates: Gates) -> Self {
        let metrics = &parts.metrics;
        let counters = Counters {
            captured: metrics.register("redirector_clicks", "Clicks captured", Counter::default()),
            misses: metrics.register("redirector_misses", "Requests for slugs that are no link", Counter::default()),
            refused: metrics.register("redirector_refused", "Requests that were no redirects, refused for their rate", Counter::default()),
            lost: metrics.register("redirector_lost", "Clicks answered without being captured", Family::default()),
        };
        let _ = counters.lost.get_or_create(&SPOOL.to_vec());
        Self {
            spool: parts.spool,
            cache,
            gates,
            client_ip: ClientIp::new(options.trusted_proxies.clone()),
            rates: Arc::new(Rates::new(options.rates, Instant::now())),
            report_url: options.report_url.as_deref().map(Arc::from),
            drawing: Drawing::new(),
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
        answer::sealed(self.respond(peer, request).await)
    }

    async fn respond(&self, peer: IpAddr, request: Request<Incoming>) -> Answer {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let Ok(host) = message::host(&head) else { return answer::malformed() };
        let method = match head.method {
            HttpMethod::GET => Method::Get,
            HttpMethod::HEAD => Method::Head,
            HttpMethod::POST => Method::Post,
            _ => return answer::page(Page::MethodNotAllowed),
        };
        let path = head.uri.path();
        match path {
            "/" | "/robots.txt" | "/favicon.ico" if method == Method::Post => return answer::page(Page::MethodNotAllowed),
            "/" => return answer::page(Page::Root),
            "/robots.txt" => return answer::robots(),
            "/favicon.ico" => return pages::icon(),
            _ => {}
        }
        let served = host.is_none_or(|host| self.short_domain.serves(host));
        let slug = if served { folded(path) } else { None };
        let Some(slug) = slug else { return self.aside(Aside::of(path).filter(|_| served), method, peer, &head, started).await };
        match self.cache.resolve(&slug).await {
            Known::Link(link) if method == Method::Post => self.posted(&link, peer, &head, body, started).await,
            Known::Link(link) => self.found(&link, method, peer, &head, None, started).await,
            Known::Nothing => self.miss(peer, &head, started),
            Known::CannotTell => answer::page(Page::Unavailable),
        }
    }

    /// What is shown of a link beside leading on; it costs the visitor as much as a miss.
    async fn aside(&self, aside: Option<Aside>, method: Method, peer: IpAddr, head: &Head, started: Instant) -> Answer {
        let Some(aside) = aside else { return self.miss(peer, head, started) };
        if method == Method::Post {
            return answer::page(Page::MethodNotAllowed);
        }
        let ip = self.client_ip.of(peer, &head.headers);
        if !self.rates.may_ask(ip, started) {
            return self.refuse();
        }
        let link = match self.cache.resolve(&aside.slug).await {
            Known::Link(link) => link,
            Known::Nothing => {
                self.counters.misses.inc();
                return answer::page(Page::NotFound);
            }
            Known::CannotTell => return answer::page(Page::Unavailable),
        };
        let (now, short_url) = (self.clock.now(), self.short_domain.short_url(&aside.slug));
        match aside.shown {
            Shown::Qr(_) if link.deleted => answer::page(Page::Gone),
            Shown::Qr(format) => {
                let order = Order::parse(format, &parse_query(head.uri.query().unwrap_or_default()));
                pages::qr_code(&short_url, order, &head.headers, &self.drawing).await
            }
            Shown::Preview => {
                let answer = pages::preview(&link, &short_url, self.report_url.as_deref(), now);
                let decision = Decision::preview(answer.status(), &link);
                self.keep(&link, decision, self.facts(now, method, ip, head, started)).await;
                answer
            }
        }
    }

    /// The form of a link with a password; to every other link nothing can be posted.
    async fn posted(&self, link: &ResolvedLink, peer: IpAddr, head: &Head, body: Incoming, started: Instant) -> Answer {
        let asks = !link.deleted && link.gate.as_ref().is_some_and(|gate| gate.password.is_some());
        if !asks {
            return answer::page(Page::MethodNotAllowed);
        }
        let form = tokio::time::timeout(FORM_TIMEOUT, Limited::new(body, MAX_FORM).collect()).await;
        let form = form.ok().and_then(Result::ok).map(|form| form.to_bytes()).unwrap_or_default();
        let fields = parse_query(&String::from_utf8_lossy(&form));
        let password = fields.into_iter().find(|field| field.key == "password").map(|field| field.value);
        self.found(link, Method::Post, peer, head, Some(password.unwrap_or_default()), started).await
    }

    fn miss(&self, peer: IpAddr, head: &Head, started: Instant) -> Answer {
        self.counters.misses.inc();
        if self.rates.may_ask(self.client_ip.of(peer, &head.headers), started) { answer::page(Page::NotFound) } else { self.refuse() }
    }

    fn refuse(&self) -> Answer {
        self.counters.refused.inc();
        answer::page(Page::TooFast)
    }

    async fn found(
        &self,
        link: &ResolvedLink,
        method: Method,
        peer: IpAddr,
        head: &Head,
        password: Option<String>,
        started: Instant,
    ) -> Answer {
        self.warn_of_hidden_visitors(peer, head);
        let (now, ip, query) = (self.clock.now(), self.client_ip.of(peer, &head.headers), head.uri.query());
        let decision = match &link.gate {
            _ if link.deleted => Decision::page(Outcome::Disabled, Page::Gone, link),
            None => plain(link, query),
            Some(gate) => self.gates.decide(link, gate, Seen { method, now, ip, query, headers: &head.headers }, password).await,
        };
        let above_rate = self.rates.is_above(link.id, ip, &self.client_ip, started);
        let card = if link.card.is_some() && decision.leads_on() && method != Method::Post { self.card(link, head) } else { None };
        let facts = Facts { above_rate, ..self.facts(now, method, ip, head, started) };
        let (answer, decision) = match (card, decision.page) {
            (Some(card), _) => (card, decision.shown_as_card()),
            (None, None) => (answer::redirect(decision.status, &decision.target), decision),
            (None, Some(page)) => (answer::page(page), decision),
        };
        self.keep(link, decision, facts).await;
        answer
    }

    fn card(&self, link: &ResolvedLink, head: &Head) -> Option<Answer> {
        let slug = folded(head.uri.path())?;
        pages::card(link, &head.headers, &self.short_domain.short_url(&slug))
    }

    fn facts<'a>(&self, now: Millis, method: Method, ip: IpAddr, head: &'a Head, started: Instant) -> Facts<'a> {
        Facts {
            id: ClickId::new(now, self.rng.entropy()),
            method,
            url: self.url(head),
            ip,
            headers: &head.headers,
            redirect_micros: u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX),
            above_rate: false,
        }
    }

    async fn keep(&self, link: &ResolvedLink, decision: Decision, facts: Facts<'_>) {
        match self.spool.keep(&capture(link, decision, facts)).await {
            Ok(()) => self.kept(),
            // The visitor is sent on all the same.
            Err(error) => self.lost(&error),
        }
    }

    fn url(&self, head: &Head) -> String {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        self.short_domain.short_url(path.strip_prefix('/').unwrap_or(path))
    }

    fn warn_of_hidden_visitors(&self, peer: IpAddr, head: &Head) {
        if !self.warned.load(Ordering::Relaxed) && self.client_ip.hides_visitors(peer, &head.headers) {
            self.warned.store(true, Ordering::Relaxed);
            let advice = proxy_advice(peer);
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

fn plain(link: &ResolvedLink, query: Option<&str>) -> Decision {
    let target = target_with(link, &link.target, query);
    Decision { outcome: Outcome::Redirected, status: link.redirect_status.code(), target, rule: None, page: None }
}
