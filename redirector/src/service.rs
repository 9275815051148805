//! One request, from its head to its answer. The click is in the spool before the answer leaves.
//!
//! What is not a plain redirect is boxed, so that a request's future stays small: it is moved with
//! every request.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use domain::{CapturedClick, ClickId, LinkAddress, Method, Millis, Outcome, ResolvedLink, parse_query};
use http_body_util::{BodyExt as _, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request::Parts as Head;
use platform::{Client, ClientIp, Clock, Health, Readiness, Rng, proxy_advice};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use stream::{Spool, SpoolError};

use crate::address::Addresses;
use crate::answer::{self, Answer, Page};
use crate::cache::{Asker, CachedLink, Caches, Known, LookUps, TooFast};
use crate::capture::{Decision, Facts, capture};
use crate::domains::{Domains, Place};
use crate::gate::{Gates, Seen, target_with};
use crate::logged::{Entrance, LogRequest, Logger, Refusal};
use crate::message;
use crate::methods::{has_form, method_of, not_taken, only_opened};
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

/// A request that is being answered.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    place: &'a Place,
    method: Method,
    peer: IpAddr,
    client: Client,
    head: &'a Head,
    started: Instant,
}

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    spool: Spool,
    links: LookUps<CachedLink>,
    domains: Domains,
    gates: Gates,
    logger: Logger,
    client_ip: ClientIp,
    addresses: Addresses,
    rates: Arc<Rates>,
    report_url: Option<Arc<str>>,
    drawing: Drawing,
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
    pub fn new(
        options: &RedirectorOptions,
        parts: Parts,
        caches: &Caches,
        gates: Gates,
        addresses: Addresses,
        rates: Arc<Rates>,
        logger: Logger,
    ) -> Self {
        let metrics = &parts.metrics;
        let counters = Counters {
            captured: metrics.register("redirector_clicks", "Clicks captured", Counter::default()),
            misses: metrics.register("redirector_misses", "Requests for slugs that are no link", Counter::default()),
            refused: metrics.register("redirector_refused", "Requests of addresses with too many misses, refused", Counter::default()),
            lost: metrics.register("redirector_lost", "Clicks answered without being captured", Family::default()),
        };
        let _ = counters.lost.get_or_create(&SPOOL.to_vec());
        Self {
            spool: parts.spool,
            links: caches.links.clone(),
            domains: Domains::new(options.short_domain.clone(), caches.hosts.clone(), metrics),
            gates,
            logger,
            client_ip: ClientIp::new(options.trusted_proxies.clone()),
            addresses,
            rates,
            report_url: options.report_url.as_deref().map(Arc::from),
            drawing: Drawing::new(),
            clock: parts.clock,
            rng: parts.rng,
            health: parts.health,
            counters,
            complained_at: Arc::default(),
            losing: Arc::default(),
            warned: Arc::default(),
        }
    }

    pub fn domains(&self) -> Domains {
        self.domains.clone()
    }

    /// `encrypted` says whether the connection itself is.
    pub async fn answer(&self, peer: IpAddr, encrypted: bool, request: Request<Incoming>) -> Answer {
        answer::sealed(self.respond(peer, encrypted, request).await)
    }

    async fn respond(&self, peer: IpAddr, encrypted: bool, request: Request<Incoming>) -> Answer {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let Ok(host) = message::host(&head) else { return answer::malformed() };
        let client = self.client_ip.client(peer, &head.headers);
        let Ok(place) = self.domains.place(host, || self.rates.may_look_up(client, started)).await else { return self.refuse() };
        let mut answer = match method_of(&head.method) {
            Some(method) => self.answer_at(Asked { place: &place, method, peer, client, head: &head, started }, body).await,
            None => Box::pin(self.turn_away(&place, head.uri.path(), client, started)).await,
        };
        if message::is_last(&head) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        place.finish(&mut answer, || encrypted || self.client_ip.says_https(peer, &head.headers));
        answer
    }

    async fn answer_at(&self, asked: Asked<'_>, body: Incoming) -> Answer {
        let path = asked.head.uri.path();
        match (asked.place.document(path), asked.method) {
            (Some(_), Method::Post) => return only_opened(),
            (Some(document), Method::Get | Method::Head) => return document,
            (None, _) => {}
        }
        if let (Place::Shared, Some(entrance)) = (asked.place, Entrance::of(path)) {
            return Box::pin(self.logged(entrance, &asked, body)).await;
        }
        let address = match asked.place {
            Place::CannotTell => return answer::page(Page::Unavailable),
            place => place.address(path),
        };
        let Some(address) = address else { return Box::pin(self.aside(Aside::of(path), &asked)).await };
        match self.links.resolve_if(&address, || self.rates.may_look_up(asked.client, asked.started)).await {
            Ok(Known::Found(found)) if asked.method == Method::Post => {
                found.referrer.on(Box::pin(self.posted(&found.link, &address, asked, body)).await)
            }
            Ok(Known::Found(found)) => found.referrer.on(self.found(&found.link, &address, asked, None).await),
            Ok(Known::Nothing) => self.miss(&asked),
            Ok(Known::CannotTell) => answer::page(Page::Unavailable),
            Err(TooFast) => self.refuse(),
        }
    }

    /// The answer to a method that no address takes. To be told what a link takes instead costs as much
    /// as a miss.
    async fn turn_away(&self, place: &Place, path: &str, client: Client, started: Instant) -> Answer {
        if let (Place::Shared, Some(entrance)) = (place, Entrance::of(path)) {
            return entrance.tell(&Refusal::Method(entrance.allowed()));
        }
        if !self.rates.may_ask(client, started) {
            return self.refuse();
        }
        let found = match (place, place.address(path)) {
            (Place::CannotTell, _) => Known::CannotTell,
            (_, Some(address)) => self.links.resolve(&address, Asker::Anyone).await,
            (_, None) => Known::Nothing,
        };
        match found {
            Known::Found(found) => not_taken(&found.link),
            Known::Nothing => only_opened(),
            Known::CannotTell => answer::page(Page::Unavailable),
        }
    }

    /// What is shown of a link beside leading on; it costs the visitor as much as a miss.
    async fn aside(&self, aside: Option<Aside<'_>>, asked: &Asked<'_>) -> Answer {
        let Some((shown, address)) = aside.and_then(|aside| Some((aside.shown, asked.place.address(aside.path)?))) else {
            return self.miss(asked);
        };
        let Asked { place, method, client, head, started, .. } = *asked;
        if method == Method::Post {
            return only_opened();
        }
        if !self.rates.may_ask(client, started) {
            return self.refuse();
        }
        let found = match self.links.resolve(&address, Asker::Anyone).await {
            Known::Found(found) => found,
            Known::Nothing => return self.nothing(place, method),
            Known::CannotTell => return answer::page(Page::Unavailable),
        };
        let (now, link, short_url) = (self.clock.now(), &found.link, self.domains.url(place, &address.folded));
        match shown {
            Shown::Qr(_) if link.deleted => answer::page(Page::Gone),
            Shown::Qr(format) => {
                let order = Order::parse(format, &parse_query(head.uri.query().unwrap_or_default()));
                pages::qr_code(&short_url, order, &head.headers, &self.drawing).await
            }
            Shown::Preview => {
                let answer = pages::preview(link, &short_url, self.report_url.as_deref(), now);
                let decision = Decision::preview(answer.status(), link);
                self.keep(&capture(link, decision, self.facts(asked, now))).await;
                answer
            }
        }
    }

    /// The form of a link with a password; to every other link nothing can be posted.
    async fn posted(&self, link: &ResolvedLink, address: &LinkAddress, asked: Asked<'_>, body: Incoming) -> Answer {
        if !has_form(link) {
            return not_taken(link);
        }
        let form = tokio::time::timeout(FORM_TIMEOUT, Limited::new(body, MAX_FORM).collect()).await;
        let form = form.ok().and_then(Result::ok).map(|form| form.to_bytes()).unwrap_or_default();
        let fields = parse_query(&String::from_utf8_lossy(&form));
        let password = fields.into_iter().find(|field| field.key == "password").map(|field| field.value);
        self.found(link, address, asked, Some(password.unwrap_or_default())).await
    }

    fn miss(&self, asked: &Asked<'_>) -> Answer {
        let may_ask = self.rates.may_ask(asked.client, asked.started);
        let answer = self.nothing(asked.place, asked.method);
        if may_ask { answer } else { self.refuse() }
    }

    /// Counts a miss and answers it.
    fn nothing(&self, place: &Place, method: Method) -> Answer {
        let answer = self.domains.own_miss(place).unwrap_or_else(|| {
            self.counters.misses.inc();
            answer::page(Page::NotFound)
        });
        if method == Method::Post { only_opened() } else { answer }
    }

    fn refuse(&self) -> Answer {
        self.counters.refused.inc();
        answer::page(Page::TooFast)
    }

    async fn found(&self, link: &ResolvedLink, address: &LinkAddress, asked: Asked<'_>, password: Option<String>) -> Answer {
        let Asked { place, method, peer, client, head, started } = asked;
        self.warn_of_hidden_visitors(peer, head);
        let (now, ip, query) = (self.clock.now(), client.ip, head.uri.query());
        let decision = match &link.gate {
            _ if link.deleted => Decision::page(Outcome::Disabled, Page::Gone, link),
            None => plain(link, query),
            Some(gate) => {
                let seen = Seen { method, now, ip, query, headers: &head.headers };
                place.expired(Box::pin(self.gates.decide(link, gate, seen, password)).await, method)
            }
        };
        let above_rate = self.rates.is_above(link.id, client, started);
        let shows_card = link.card.is_some() && decision.leads_on() && method != Method::Post;
        let card = if shows_card { pages::card(link, &head.headers, &self.domains.url(place, &address.folded)) } else { None };
        let facts = Facts { above_rate, ..self.facts(&asked, now) };
        let (answer, decision) = match (card, decision.page) {
            (Some(card), _) => (card, decision.shown_as_card()),
            (None, None) => (answer::redirect(decision.status, &decision.target), decision),
            (None, Some(page)) => (answer::page(page), decision),
        };
        self.keep(&capture(link, decision, facts)).await;
        answer
    }

    fn facts<'a>(&self, asked: &Asked<'a>, now: Millis) -> Facts<'a> {
        let head = asked.head;
        Facts {
            id: ClickId::new(now, self.rng.entropy()),
            method: asked.method,
            url: self.domains.url(asked.place, head.uri.path_and_query().map_or("/", |path| path.as_str())),
            address: self.addresses.of(asked.client.ip),
            headers: &head.headers,
            redirect_micros: u32::try_from(asked.started.elapsed().as_micros()).unwrap_or(u32::MAX),
            above_rate: false,
        }
    }

    /// A click that needs no link.
    async fn logged(&self, entrance: Entrance, asked: &Asked<'_>, body: Incoming) -> Answer {
        let Asked { method, peer, client, head, started, .. } = *asked;
        self.warn_of_hidden_visitors(peer, head);
        match self.logger.click(entrance, LogRequest { head, method, client, started }, body).await {
            Ok(mut click) => {
                // What comes with a key comes from a server, for many visitors.
                click.above_rate = entrance == Entrance::Signed && self.rates.is_above_for(client, started);
                self.keep(&click).await;
                self.logger.answer(&click).await
            }
            Err(refusal) => {
                let is_miss = refusal.is_of_stranger();
                let refusal = if is_miss && !self.rates.may_ask(client, started) { Refusal::TooFast } else { refusal };
                if refusal == Refusal::TooFast {
                    self.counters.refused.inc();
                }
                entrance.tell(&refusal)
            }
        }
    }

    async fn keep(&self, click: &CapturedClick) {
        match self.spool.keep(click).await {
            Ok(()) => self.kept(),
            // The visitor is sent on all the same.
            Err(error) => self.lost(&error),
        }
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

fn plain(link: &ResolvedLink, query: Option<&str>) -> Decision {
    let target = target_with(link, &link.target, query);
    Decision { outcome: Outcome::Redirected, status: link.redirect_status.code(), target, rule: None, page: None }
}
