//! A link that was found: where its visitor is led, or what stands in the way.

use domain::{LinkAddress, Method, Outcome, ResolvedLink};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::SET_COOKIE;

use super::{Asked, Service};
use crate::answer::{self, Answer, Page};
use crate::cache::CachedLink;
use crate::capture::{Decision, Facts, capture};
use crate::consent::{Heard, Visit};
use crate::forms;
use crate::gate::{AFTER_FORM, Seen, is_machine, target_with};
use crate::headers::{Said, returned_referrer};
use crate::methods::{has_form, not_taken};
use crate::pages::{self, host_of};

/// What a form said.
#[derive(Debug, Default)]
pub(super) struct Form {
    password: Option<String>,
    /// Whether the visitor may be recognised.
    consent: Option<bool>,
    /// Where the visitor came from before they were asked.
    referrer: Option<String>,
}

impl Service {
    pub(super) async fn found(&self, found: &CachedLink, address: &LinkAddress, asked: Asked<'_>, form: Form) -> Answer {
        let (link, now) = (&*found.now(), self.clock.now());
        self.warn_of_hidden_visitors(asked.peer, asked.head);
        let mut said = asked.said();
        let (heard, asks) = match found.settings.asks() {
            true => Box::pin(self.heard(link, asked, &form, &mut said)).await,
            false => (None, false),
        };
        let is_ahead = said.is_ahead() && asked.method == Method::Get;
        let decision = self.decide(link, asked, &said, form, !asks && !is_ahead).await;
        // Whoever is asked first is not asked for a password before.
        let goes_on = decision.is_counted() || asks && decision.outcome == Outcome::Password;
        let (decision, question) = match goes_on {
            true if is_ahead => (decision.held_back(StatusCode::SERVICE_UNAVAILABLE, Some(Page::Ahead)), None),
            true if asks => (decision.held_back(StatusCode::OK, None), heard.as_deref()),
            _ => (decision, None),
        };
        let short_url = || self.domains.url(asked.place, &address.folded);
        let shows_card = link.card.is_some() && decision.leads_on() && asked.method != Method::Post;
        let card = if shows_card { pages::card(link, said.user_agent.as_deref(), &short_url()) } else { None };
        let (mut answer, decision) = match (card, question, decision.page) {
            (Some(card), _, _) => (card, decision.shown_as_card()),
            (None, Some(question), _) => (pages::consent(question, host_of(&short_url()), said.referrer.as_deref()), decision),
            (None, None, None) => (answer::redirect(decision.status, &decision.target), decision),
            (None, None, Some(page)) => (answer::page(page), decision),
        };
        let above_rate = self.rates.is_above(link.id, asked.client, asked.started);
        let facts = Facts { above_rate, ..self.facts(&asked, said, now) };
        self.keeper.keep(capture(link, decision, facts), &found.settings).await;
        if let Some(cookie) = heard.and_then(|heard| heard.cookie) {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        answer
    }

    /// What becomes of the request where nothing but the link's own settings counts. No permit is taken for
    /// whoever does not go on.
    async fn decide(&self, link: &ResolvedLink, asked: Asked<'_>, said: &Said, form: Form, goes_on: bool) -> Decision {
        let Asked { place, method, client, query, .. } = asked;
        match &link.gate {
            _ if link.deleted => Decision::page(Outcome::Disabled, Page::Gone, link),
            None => plain(link, method, query.rest()),
            Some(gate) => {
                let seen = Seen { method, now: self.clock.now(), ip: client.ip, query: query.rest(), said, goes_on };
                let opened = if form.consent.is_some() { Method::Get } else { method };
                place.expired(Box::pin(self.gates.decide(link, gate, seen, form.password)).await, opened)
            }
        }
    }

    /// What the visitor answers to a workspace that must ask whether they may be recognised, and whether they
    /// are to be asked by a page: no machine is, nor who sent a password, since they were asked before it.
    async fn heard(&self, link: &ResolvedLink, asked: Asked<'_>, form: &Form, said: &mut Said) -> (Option<Box<Heard>>, bool) {
        let (headers, secure) = (&asked.head.headers, asked.secure);
        let visit = Visit { headers, said, signed: asked.query.consent, posted: form.consent, secure };
        let heard = self.consents.of(link.workspace, visit).await;
        said.signals.consent.clone_from(&heard.consent);
        if form.consent.is_some() {
            // The page itself is where the form came from.
            said.referrer = form.referrer.clone().and_then(returned_referrer);
        }
        let is_person = asked.method != Method::Head && !said.is_ahead() && !said.is_preview() && !is_machine(asked.method, said);
        let asks = heard.consent.is_none() && form.password.is_none() && is_person;
        (Some(Box::new(heard)), asks)
    }

    /// The form of a link with a password, or of the page that asks for consent; to every other link nothing
    /// can be posted.
    pub(super) async fn posted(&self, found: &CachedLink, address: &LinkAddress, asked: Asked<'_>, body: Incoming) -> Answer {
        if !has_form(found) {
            return not_taken(found);
        }
        let fields = match forms::read(body).await {
            Ok(fields) => fields,
            Err(why) => return answer::page(why),
        };
        let mut form = Form::default();
        for (name, value) in fields {
            match name.as_str() {
                "password" => drop(form.password.get_or_insert(value)),
                "consent" if forms::is_ours(asked.head) => form.consent = answer_of(&value).or(form.consent),
                "referrer" => form.referrer = Some(value),
                _ => {}
            }
        }
        let has_password = found.link.gate.as_ref().is_some_and(|gate| gate.password.is_some());
        form.password = match form.password {
            // Whoever posts to a password's form has tried one.
            None if has_password && !found.settings.asks() => Some(String::new()),
            password => password.filter(|_| has_password),
        };
        self.found(found, address, asked, form).await
    }
}

fn answer_of(text: &str) -> Option<bool> {
    match text {
        "given" => Some(true),
        "refused" => Some(false),
        _ => None,
    }
}

fn plain(link: &ResolvedLink, method: Method, query: Option<&str>) -> Decision {
    let target = target_with(link, &link.target, query);
    let status = if method == Method::Post { AFTER_FORM } else { link.redirect_status.code() };
    Decision { outcome: Outcome::Redirected, status, target, rule: None, page: None }
}
