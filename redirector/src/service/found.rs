//! A link that was found: where its visitor is led, or what stands in the way.

use std::time::Duration;

use domain::{LinkAddress, Method, Outcome, ResolvedLink, parse_query};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::{Asked, Service};
use crate::answer::{self, Answer, Page};
use crate::capture::{Decision, Facts, capture};
use crate::gate::{Seen, target_with};
use crate::methods::{has_form, not_taken};
use crate::pages;

/// A form with one password.
const MAX_FORM: usize = 4_096;
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

impl Service {
    pub(super) async fn found(&self, link: &ResolvedLink, address: &LinkAddress, asked: Asked<'_>, password: Option<String>) -> Answer {
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
        self.keeper.keep(&capture(link, decision, facts)).await;
        answer
    }

    /// The form of a link with a password; to every other link nothing can be posted.
    pub(super) async fn posted(&self, link: &ResolvedLink, address: &LinkAddress, asked: Asked<'_>, body: Incoming) -> Answer {
        if !has_form(link) {
            return not_taken(link);
        }
        let form = tokio::time::timeout(FORM_TIMEOUT, Limited::new(body, MAX_FORM).collect()).await;
        let form = form.ok().and_then(Result::ok).map(|form| form.to_bytes()).unwrap_or_default();
        let fields = parse_query(&String::from_utf8_lossy(&form));
        let password = fields.into_iter().find(|field| field.key == "password").map(|field| field.value);
        self.found(link, address, asked, Some(password.unwrap_or_default())).await
    }
}

fn plain(link: &ResolvedLink, query: Option<&str>) -> Decision {
    let target = target_with(link, &link.target, query);
    Decision { outcome: Outcome::Redirected, status: link.redirect_status.code(), target, rule: None, page: None }
}
