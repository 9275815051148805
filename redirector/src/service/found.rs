//! A link that was found: where its visitor is led, or what stands in the way.

use std::borrow::Cow;

use domain::{ClickId, LinkAddress, Method, Outcome, ResolvedLink, with_click_id};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::SET_COOKIE;

use super::keeper::Keeping;
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

impl Form {
    /// Of a form that is not ours no consent follows.
    fn of(fields: Vec<(String, String)>, is_ours: bool) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "password" => drop(form.password.get_or_insert(value)),
                "consent" if is_ours => form.consent = answer_of(&value).or(form.consent),
                "referrer" => form.referrer = Some(value),
                _ => {}
            }
        }
        form
    }
}

/// A request to a link, weighed.
#[derive(Debug)]
struct Weighed {
    said: Said,
    decision: Decision,
    heard: Option<Box<Heard>>,
    /// Whether the visitor is to be asked by a page whether they may be recognised.
    asks: bool,
}

impl Service {
    /// The answer of a link. For most nothing is waited for, and what is made meanwhile is no part of the
    /// request's future.
    pub(super) async fn found(&self, found: &CachedLink, address: &LinkAddress, asked: &Asked<'_>) -> Answer {
        let (answer, keeping) = if found.link.gate.is_some() || found.settings.asks() {
            let weighed = Box::pin(self.weigh(found, asked, Form::default())).await;
            self.answer_weighed(found, address, asked, weighed)
        } else {
            self.answer_weighed(found, address, asked, weigh_plain(found, asked))
        };
        if let Some(rest) = keeping {
            rest.await;
        }
        answer
    }

    /// The same for a request whose form was read.
    async fn found_with(&self, found: &CachedLink, address: &LinkAddress, asked: &Asked<'_>, form: Form) -> Answer {
        let weighed = self.weigh(found, asked, form).await;
        let (answer, keeping) = self.answer_weighed(found, address, asked, weighed);
        if let Some(rest) = keeping {
            rest.await;
        }
        answer
    }

    async fn weigh(&self, found: &CachedLink, asked: &Asked<'_>, form: Form) -> Weighed {
        let mut said = asked.said();
        let (heard, asks) = match found.settings.asks() {
            true => self.heard(&found.link, asked, &form, &mut said).await,
            false => (None, false),
        };
        let decision = self.decide(found, asked, &said, form, !asks && !is_ahead(asked, &said)).await;
        Weighed { said, decision, heard, asks }
    }

    /// What is said, and what is still to be done for the click to be kept.
    fn answer_weighed(
        &self,
        found: &CachedLink,
        address: &LinkAddress,
        asked: &Asked<'_>,
        weighed: Weighed,
    ) -> (Answer, Option<Keeping<'_>>) {
        let (link, now) = (&found.link, self.clock.now());
        self.warn_of_hidden_visitors(asked.peer, asked.head);
        let Weighed { said, decision, heard, asks } = weighed;
        // Whoever is asked first is not asked for a password before.
        let goes_on = decision.is_counted() || asks && decision.outcome == Outcome::Password;
        let (decision, question) = match goes_on {
            true if is_ahead(asked, &said) => (decision.held_back(StatusCode::SERVICE_UNAVAILABLE, Some(Page::Ahead)), None),
            true if asks => (decision.held_back(StatusCode::OK, None), heard.as_deref()),
            _ => (decision, None),
        };
        let short_url = || self.domains.url(asked.place, &address.folded);
        let shows_card = link.card.is_some() && decision.leads_on() && asked.method != Method::Post;
        let card = if shows_card { pages::card(link, said.user_agent.as_deref(), &short_url()) } else { None };
        // The click is kept with the target as it is without its own id.
        let told = link.append_click_id.then(|| ClickId::new(now, self.rng.entropy()));
        let (mut answer, decision) = match (card, question, decision.page) {
            (Some(card), _, _) => (card, decision.shown_as_card()),
            (None, Some(question), _) => (pages::consent(question, host_of(&short_url()), said.referrer.as_deref()), decision),
            (None, None, None) => (answer::redirect(decision.status, &led_to(&decision.target, told)), decision),
            (None, None, Some(page)) => (answer::page(page), decision),
        };
        if let Some(cookie) = heard.and_then(|heard| heard.cookie) {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        let above_rate = self.rates.is_above(link.id, asked.client, asked.started);
        let facts = self.facts(asked, said, now);
        let facts = Facts { above_rate, id: told.unwrap_or(facts.id), ..facts };
        (answer, self.keeper.keep(capture(link, decision, facts), &found.settings))
    }

    /// What becomes of the request where nothing but the link's own settings counts. No permit is taken for
    /// whoever does not go on.
    async fn decide(&self, found: &CachedLink, asked: &Asked<'_>, said: &Said, form: Form, goes_on: bool) -> Decision {
        let (link, &Asked { place, method, client, query, .. }) = (&found.link, asked);
        match &link.gate {
            Some(gate) if !found.is_gone() => {
                let seen = Seen { method, now: self.clock.now(), ip: client.ip, query: query.rest(), said, goes_on };
                let opened = if form.consent.is_some() { Method::Get } else { method };
                place.expired(self.gates.decide(link, gate, seen, form.password).await, opened)
            }
            _ => plain(found, asked),
        }
    }

    /// What the visitor answers to a workspace that must ask whether they may be recognised, and whether they
    /// are to be asked by a page: no machine is, nor who sent a password, since they were asked before it.
    async fn heard(&self, link: &ResolvedLink, asked: &Asked<'_>, form: &Form, said: &mut Said) -> (Option<Box<Heard>>, bool) {
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
    pub(super) async fn posted(&self, found: &CachedLink, address: &LinkAddress, asked: &Asked<'_>, body: &mut Incoming) -> Answer {
        if !has_form(found) {
            return not_taken(found);
        }
        let fields = match forms::read(body).await {
            Ok(fields) => fields,
            Err(why) => return answer::page(why),
        };
        let mut form = Form::of(fields, forms::is_ours(asked.head));
        let has_password = found.link.gate.as_ref().is_some_and(|gate| gate.password.is_some());
        form.password = match form.password {
            // Whoever posts to a password's form has tried one.
            None if has_password && !found.settings.asks() => Some(String::new()),
            password => password.filter(|_| has_password),
        };
        self.found_with(found, address, asked, form).await
    }
}

/// The target, told the click's id where the link asks for that.
fn led_to(target: &str, told: Option<ClickId>) -> Cow<'_, str> {
    told.map_or(Cow::Borrowed(target), |id| Cow::Owned(with_click_id(target, id)))
}

fn answer_of(text: &str) -> Option<bool> {
    match text {
        "given" => Some(true),
        "refused" => Some(false),
        _ => None,
    }
}

/// Whether the link is only opened ahead of a person who may never go there. A form that is posted is never
/// sent ahead.
fn is_ahead(asked: &Asked<'_>, said: &Said) -> bool {
    said.is_ahead() && asked.method != Method::Post
}

/// For a link that leads everybody to its target and asks nobody.
fn weigh_plain(found: &CachedLink, asked: &Asked<'_>) -> Weighed {
    Weighed { said: asked.said(), decision: plain(found, asked), heard: None, asks: false }
}

fn plain(found: &CachedLink, asked: &Asked<'_>) -> Decision {
    let link = &found.link;
    if found.is_gone() {
        return Decision::page(Outcome::Disabled, Page::Gone, link);
    }
    let target = target_with(link, &link.target, asked.query.rest());
    let status = if asked.method == Method::Post { AFTER_FORM } else { link.redirect_status.code() };
    Decision { outcome: Outcome::Redirected, status, target, rule: None, page: None }
}

#[cfg(test)]
mod tests {
    use domain::parse_form;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_body_is_a_form(bytes in vec(any::<u8>(), 0..80), known in "((password|consent|referrer|[a-f%+]{0,3})(=(given|refused|[a-f%4]{0,4}))?&?){0,6}") {
            for body in [&bytes[..], known.as_bytes()] {
                let form = Form::of(parse_form(body).collect(), true);
                prop_assert!(form.referrer.and_then(returned_referrer).is_none_or(|referrer| referrer.len() <= 2_048));
                prop_assert_eq!(Form::of(parse_form(body).collect(), false).consent, None);
            }
        }

        /// By a look for each field, whatever else there is and in whatever order.
        #[test]
        fn each_field_is_read(fields in vec(("(password|consent|referrer|[a-z]{0,3})", "(given|refused|.{0,6})"), 0..8)) {
            let mut url = reqwest::Url::parse("https://go.example/").unwrap();
            url.query_pairs_mut().extend_pairs(&fields);
            let read = Form::of(parse_form(url.query().unwrap_or_default().as_bytes()).collect(), true);
            let of = |name: &'static str| fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value);
            prop_assert_eq!(read.password.as_ref(), of("password").next());
            prop_assert_eq!(read.referrer.as_ref(), of("referrer").next_back());
            let answer = of("consent").rfind(|value| matches!(value.as_str(), "given" | "refused"));
            prop_assert_eq!(read.consent, answer.map(|answer| answer == "given"));
        }
    }
}
