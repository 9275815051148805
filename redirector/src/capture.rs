//! The facts of a request, with a bound on each, so that a record always fits.

use domain::{Address, CapturedClick, ClickId, ClickRule, Method, Outcome, ResolvedLink};
use hyper::StatusCode;

use crate::answer::Page;
use crate::headers::{Said, bounded};

const MAX_URL: usize = 4_096;

/// What becomes of the request.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub outcome: Outcome,
    pub status: u16,
    /// Where the visitor is sent, or would have been.
    pub target: String,
    pub rule: Option<ClickRule>,
    /// Shown instead of a redirect.
    pub page: Option<Page>,
}

impl Decision {
    pub fn page(outcome: Outcome, page: Page, link: &ResolvedLink) -> Self {
        Self { outcome, status: page.status().as_u16(), target: link.target.as_str().to_owned(), rule: None, page: Some(page) }
    }

    /// A preview page was shown, or what stands in its place.
    pub fn preview(status: StatusCode, link: &ResolvedLink) -> Self {
        let target = link.target.as_str().to_owned();
        Self { outcome: Outcome::Preview, status: status.as_u16(), target, rule: None, page: None }
    }

    pub fn leads_on(&self) -> bool {
        self.outcome == Outcome::Redirected
    }

    /// Whether the visitor is led anywhere.
    pub fn is_counted(&self) -> bool {
        self.outcome.is_counted()
    }

    /// The same for whoever is not led on yet, where they would be.
    pub fn held_back(self, status: StatusCode, page: Option<Page>) -> Self {
        Self { outcome: Outcome::Preview, status: status.as_u16(), rule: None, page, ..self }
    }

    /// The same for a service that is shown the link's card instead of being led on.
    pub fn shown_as_card(self) -> Self {
        Self { outcome: Outcome::Preview, status: StatusCode::OK.as_u16(), ..self }
    }
}

/// What the request says of itself.
#[derive(Debug)]
pub(crate) struct Facts {
    pub id: ClickId,
    pub method: Method,
    /// The short URL with its query.
    pub url: String,
    pub address: Address,
    pub said: Said,
    pub redirect_micros: u32,
    /// Whether it is one too many at that moment.
    pub above_rate: bool,
}

pub(crate) fn capture(link: &ResolvedLink, decision: Decision, facts: Facts) -> CapturedClick {
    CapturedClick {
        id: facts.id,
        workspace: link.workspace,
        link: link.id,
        link_version: link.version,
        outcome: decision.outcome,
        status: decision.status,
        method: facts.method,
        url: bounded(facts.url, MAX_URL),
        target: decision.target,
        address: facts.address,
        user_agent: facts.said.user_agent,
        referrer: facts.said.referrer,
        accept_language: facts.said.language,
        redirect_micros: facts.redirect_micros,
        rule: decision.rule,
        above_rate: facts.above_rate,
        signals: facts.said.signals,
        judged: None,
    }
}
