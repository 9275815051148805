//! One request, from its head to its answer. The click is in the spool before the answer leaves.
//!
//! What is not a plain redirect is boxed, so that a request's future stays small: it is moved with
//! every request.

mod found;
mod keeper;
mod miss;
mod other;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use domain::{Address, ClickId, LinkAddress, Method, Millis, SignalSet};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request::Parts as Head;
use platform::{Client, ClientIp, Clock, Health, Rng, proxy_advice};
use prometheus_client::metrics::counter::Counter;

use crate::answer::{self, Answer, Page};
use crate::cache::{CachedLink, Known, LookUps, TooFast};
use crate::capture::Facts;
use crate::consent::Consents;
use crate::domains::{Domains, Place};
use crate::gate::Gates;
use crate::headers::Said;
use crate::logged::Logger;
use crate::message::{self, Malformed};
use crate::methods::method_of;
use crate::pages::Drawing;
use crate::path::Named;
use crate::query::Query;
use crate::rates::Rates;
use crate::strict::Reducer;
use crate::{Parts, RedirectorOptions};
use keeper::Keeper;

#[derive(Clone, Debug)]
struct Counters {
    misses: Counter,
    refused: Counter,
}

/// What answers are made from.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub links: LookUps<CachedLink>,
    pub domains: Domains,
    pub gates: Gates,
    pub logger: Logger,
    pub consents: Consents,
    pub reducer: Reducer,
    pub rates: Arc<Rates>,
}

/// A request that is being answered.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    place: &'a Place,
    method: Method,
    peer: IpAddr,
    client: Client,
    head: &'a Head,
    query: &'a Query<'a>,
    /// Whether the visitor's connection is encrypted, as far as that is known.
    secure: bool,
    started: Instant,
}

impl Asked<'_> {
    /// What the visitor's request says of them.
    fn said(&self) -> Said {
        let mut said = Said::of(&self.head.headers, self.secure);
        if self.query.is_own {
            said.signals.set.insert(SignalSet::IGNORED);
        }
        said
    }
}

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    links: LookUps<CachedLink>,
    domains: Domains,
    gates: Gates,
    logger: Logger,
    consents: Consents,
    rates: Arc<Rates>,
    keeper: Keeper,
    client_ip: ClientIp,
    report_url: Option<Arc<str>>,
    drawing: Drawing,
    clock: Clock,
    rng: Rng,
    health: Health,
    counters: Counters,
    /// Whether hidden visitors were told of.
    warned: Arc<AtomicBool>,
}

impl Service {
    pub fn new(options: &RedirectorOptions, parts: Parts, sources: Sources) -> Self {
        let metrics = &parts.metrics;
        let counters = Counters {
            misses: metrics.register("redirector_misses", "Requests for slugs that are no link", Counter::default()),
            refused: metrics.register("redirector_refused", "Requests of addresses with too many misses, refused", Counter::default()),
        };
        let Sources { links, domains, gates, logger, consents, reducer, rates } = sources;
        Self {
            links,
            domains,
            gates,
            logger,
            consents,
            rates,
            keeper: Keeper::new(parts.spool, reducer, parts.health.clone(), metrics),
            client_ip: ClientIp::new(options.trusted_proxies.clone()),
            report_url: options.report_url.as_deref().map(Arc::from),
            drawing: Drawing::new(),
            clock: parts.clock,
            rng: parts.rng,
            health: parts.health,
            counters,
            warned: Arc::default(),
        }
    }

    pub fn domains(&self) -> Domains {
        self.domains.clone()
    }

    /// `encrypted` says whether the connection itself is. Every answer is still to be sealed.
    pub async fn answer(&self, peer: IpAddr, encrypted: bool, head: &Head, body: &mut Incoming) -> Answer {
        let started = Instant::now();
        let host = match message::host(head) {
            Ok(host) => host,
            Err(why) => return answer::malformed(why),
        };
        let client = self.client_ip.client(peer, &head.headers);
        let secure = encrypted || self.client_ip.says_https(peer, &head.headers);
        let query = Query::of(head.uri.query());
        let place = self.domains.place(host, || self.rates.may_look_up(client, started)).await;
        let mut answer = match &place {
            Ok(Place::Nowhere) if host.is_some_and(message::is_no_host) => answer::malformed(Malformed::UnreadableHost),
            Ok(place) => match method_of(&head.method) {
                Some(method) => self.answer_at(&Asked { place, method, peer, client, head, query: &query, secure, started }, body).await,
                None => Box::pin(self.turn_away(place, head.uri.path(), client, started)).await,
            },
            Err(TooFast) => self.refuse(),
        };
        if message::is_last(head) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(place) = place {
            place.finish(&mut answer, secure);
        }
        answer
    }

    async fn answer_at(&self, asked: &Asked<'_>, body: &mut Incoming) -> Answer {
        match Named::of(asked.place, asked.head.uri.path()) {
            Named::Link(address) => self.at(&address, asked, body).await,
            Named::Entrance(entrance) => Box::pin(self.logged(entrance, asked, body)).await,
            Named::OwnClicks => Box::pin(self.own_clicks(asked, body)).await,
            Named::Other => Box::pin(self.other(asked, body)).await,
        }
    }

    async fn at(&self, address: &LinkAddress, asked: &Asked<'_>, body: &mut Incoming) -> Answer {
        match self.links.resolve_if(address, || self.rates.may_look_up(asked.client, asked.started)).await {
            Ok(Known::Found(found)) if asked.method == Method::Post => {
                found.settings.on(Box::pin(self.posted(&found, address, asked, body)).await)
            }
            Ok(Known::Found(found)) => found.settings.on(self.found(&found, address, asked).await),
            Ok(Known::Nothing) => Box::pin(self.miss(asked, Some(&address.folded))).await,
            Ok(Known::CannotTell) => answer::page(Page::Unavailable),
            Err(TooFast) => self.refuse(),
        }
    }

    fn refuse(&self) -> Answer {
        self.counters.refused.inc();
        answer::page(Page::TooFast)
    }

    fn facts(&self, asked: &Asked<'_>, said: Said, now: Millis) -> Facts {
        Facts {
            id: ClickId::new(now, self.rng.entropy()),
            method: asked.method,
            url: self.domains.url(asked.place, &asked.query.kept(&asked.head.uri)),
            address: Address::Full(asked.client.ip),
            said,
            redirect_micros: u32::try_from(asked.started.elapsed().as_micros()).unwrap_or(u32::MAX),
            above_rate: false,
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
}
