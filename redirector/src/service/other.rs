//! What is answered where the path is no link's.

use std::time::Instant;

use domain::{Method, parse_query, plain_path};
use hyper::body::Incoming;
use platform::Client;

use super::{Asked, Service};
use crate::answer::{self, Answer, Page};
use crate::cache::{Asker, Known};
use crate::capture::{Decision, capture};
use crate::domains::Place;
use crate::ignored;
use crate::logged::{Entrance, LogRequest, Refusal, led_on};
use crate::methods::{not_taken, only_opened};
use crate::pages::{self, Aside, Order, Shown};
use crate::path::Named;

impl Service {
    /// A path that is none of a link as it is written.
    pub(super) async fn other(&self, asked: &Asked<'_>, body: &mut Incoming) -> Answer {
        let path = plain_path(asked.head.uri.path());
        match Named::of(asked.place, &path) {
            Named::Link(address) => self.at(&address, asked, body).await,
            Named::Entrance(entrance) => self.logged(entrance, asked, body).await,
            Named::OwnClicks => self.own_clicks(asked, body).await,
            Named::Other => match (asked.place.document(&path), asked.method) {
                (Some(_), Method::Post) => only_opened(),
                (Some(document), Method::Get | Method::Head) => document,
                (None, _) if matches!(asked.place, Place::CannotTell) => answer::page(Page::Unavailable),
                (None, _) => self.aside(Aside::of(&path), asked).await,
            },
        }
    }

    /// The answer to a method that no address takes. To be told what a link takes instead costs as much
    /// as a miss.
    pub(super) async fn turn_away(&self, place: &Place, path: &str, client: Client, started: Instant) -> Answer {
        let named = Named::of(place, &plain_path(path));
        if let Named::Entrance(entrance) = named {
            return entrance.tell(&Refusal::Method(entrance.allowed()));
        }
        if matches!(named, Named::OwnClicks) {
            return ignored::not_taken();
        }
        if !self.rates.may_ask(client, started) {
            return self.refuse();
        }
        let found = match (place, named) {
            (Place::CannotTell, _) => Known::CannotTell,
            (_, Named::Link(address)) => self.links.resolve(&address, Asker::Anyone).await,
            (_, _) => Known::Nothing,
        };
        match found {
            Known::Found(found) => not_taken(&found),
            Known::Nothing => only_opened(),
            Known::CannotTell => answer::page(Page::Unavailable),
        }
    }

    /// What is shown of a link beside leading on; it costs the visitor as much as a miss.
    async fn aside(&self, aside: Option<Aside<'_>>, asked: &Asked<'_>) -> Answer {
        let Some((shown, address)) = aside.and_then(|aside| Some((aside.shown, asked.place.address(aside.path)?))) else {
            return self.miss(asked, None).await;
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
            Known::Nothing => return self.nothing(asked, Some(&address.folded)).await,
            Known::CannotTell => return answer::page(Page::Unavailable),
        };
        let (now, link, short_url) = (self.clock.now(), &*found.now(), self.domains.url(place, &address.folded));
        match shown {
            Shown::Qr(_) if link.deleted => answer::page(Page::Gone),
            Shown::Qr(format) => {
                let order = Order::parse(format, &parse_query(head.uri.query().unwrap_or_default()));
                pages::qr_code(&short_url, order, &head.headers, &self.drawing).await
            }
            Shown::Preview => {
                let answer = pages::preview(link, &short_url, self.report_url.as_deref(), now);
                let decision = Decision::preview(answer.status(), link);
                let facts = self.facts(asked, asked.said(), now);
                if let Some(rest) = self.keeper.keep(capture(link, decision, facts), &found.settings) {
                    rest.await;
                }
                answer
            }
        }
    }

    /// Where visitors say that their clicks are their own.
    pub(super) async fn own_clicks(&self, asked: &Asked<'_>, body: &mut Incoming) -> Answer {
        let url = self.domains.url(asked.place, "");
        let (head, host, secure) = (asked.head, pages::host_of(&url), asked.secure);
        match asked.method {
            Method::Post => ignored::posted(head, host, secure, body).await,
            Method::Get | Method::Head => ignored::page(head, host, secure),
        }
    }

    /// A click that needs no link.
    pub(super) async fn logged(&self, entrance: Entrance, asked: &Asked<'_>, body: &mut Incoming) -> Answer {
        let Asked { method, peer, client, head, query, secure, started, .. } = *asked;
        self.warn_of_hidden_visitors(peer, head);
        let request = LogRequest { head, method, client, query, said: asked.said(), secure, started };
        match self.logger.click(entrance, request, body).await {
            Ok((mut click, settings)) => {
                // What comes with a key comes from a server, for many visitors.
                click.above_rate = entrance == Entrance::Signed && self.rates.is_above_for(client, started);
                let answer = led_on(click.outcome, &click.target, click.id, &settings);
                if let Some(rest) = self.keeper.keep(click, &settings) {
                    rest.await;
                }
                answer
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
}
