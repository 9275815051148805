//! What happens at a link that does not simply lead on: is it on, is it its time, is the password
//! right, is there a click left, which rule applies. In this order, and only as far as needed.

mod password;
mod permits;
mod visitor;

use std::sync::Arc;

use domain::{ClickRule, Gate, Method, Outcome, ResolvedLink, TargetUrl, Timing, Verdict, Visitor as _, decide, forward_query};
use enrich::GeoDatabases;
use platform::{Clock, Metrics, Rng};

use crate::PermitSource;
use crate::answer::Page;
use crate::capture::Decision;
use crate::headers::Said;
use password::{Passwords, Tried};
use permits::Permit;
pub(crate) use permits::Permits;
pub(crate) use visitor::Seen;
use visitor::{LookUps, Visitor};

/// Where a form leads: a GET, whatever status the link redirects with, or the browser would send what
/// was posted on to the target.
pub(crate) const AFTER_FORM: u16 = 303;
const FALLBACK: u16 = 302;

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Gates {
    permits: Permits,
    passwords: Passwords,
    geo: Arc<GeoDatabases>,
    look_ups: LookUps,
}

impl Gates {
    /// Must be made on the main runtime: permits are leased there.
    pub fn new(source: Arc<dyn PermitSource>, geo: Arc<GeoDatabases>, clock: &Clock, rng: &Rng, metrics: &Metrics) -> Self {
        Self {
            permits: Permits::new(source, clock.clone(), rng.clone()),
            passwords: Passwords::new(clock.clone()),
            geo,
            look_ups: LookUps::new(metrics),
        }
    }

    pub fn permits(&self) -> Permits {
        self.permits.clone()
    }

    /// `password` is what a form sent.
    pub async fn decide(&self, link: &ResolvedLink, gate: &Gate, seen: Seen<'_>, password: Option<String>) -> Decision {
        let method = seen.method;
        let visitor = Visitor::new(seen, &self.geo, &self.look_ups);
        if gate.disabled {
            return Decision::page(Outcome::Disabled, Page::Disabled, link);
        }
        match gate.timing(visitor.now()) {
            Timing::Open => {}
            Timing::Early => return fallback(gate).unwrap_or_else(|| Decision::page(Outcome::Disabled, Page::Early, link)),
            Timing::Expired => return fallback(gate).unwrap_or_else(|| Decision::page(Outcome::Expired, Page::Expired, link)),
        }
        if let Some(hash) = &gate.password {
            let tried = match password {
                Some(password) => self.passwords.check(link.id, &visitor.network(), password, hash).await,
                None => Tried::Nothing,
            };
            if tried != Tried::Right {
                return Decision::page(Outcome::Password, page_of(tried), link);
            }
        }
        if gate.click_limit.is_some() {
            let (takes, mode) = (visitor.takes_permit(), gate.limit_mode);
            match if takes { self.permits.take(link, mode).await } else { self.permits.is_open(link, mode).await } {
                Permit::Granted => {}
                Permit::Refused => return fallback(gate).unwrap_or_else(|| Decision::page(Outcome::Limit, Page::Limit, link)),
                Permit::CannotTell => return fallback(gate).unwrap_or_else(|| Decision::page(Outcome::Limit, Page::Unavailable, link)),
            }
        }
        let status = if method == Method::Post { AFTER_FORM } else { link.redirect_status.code() };
        lead_on(link, gate, status, &visitor)
    }
}

fn lead_on(link: &ResolvedLink, gate: &Gate, status: u16, visitor: &Visitor<'_>) -> Decision {
    let choice = decide(&gate.rules, visitor);
    let target = choice.map_or(&link.target, |choice| choice.target);
    let rule = choice.map(|choice| ClickRule {
        id: choice.rule.id,
        name: choice.rule.name.clone(),
        variant: choice.variant.map(|variant| variant.name.clone()),
    });
    let target = target_with(link, target, visitor.query());
    Decision { outcome: Outcome::Redirected, status, target, rule, page: None }
}

/// The target, with the visitor's query where the link forwards it.
pub(crate) fn target_with(link: &ResolvedLink, target: &TargetUrl, query: Option<&str>) -> String {
    match query {
        Some(query) if link.forward_query => forward_query(target.as_str(), query),
        _ => target.as_str().to_owned(),
    }
}

fn fallback(gate: &Gate) -> Option<Decision> {
    let target = gate.fallback.as_ref()?.as_str().to_owned();
    Some(Decision { outcome: Outcome::Fallback, status: FALLBACK, target, rule: None, page: None })
}

fn page_of(tried: Tried) -> Page {
    match tried {
        Tried::Nothing | Tried::Right => Page::Password,
        Tried::Wrong => Page::WrongPassword,
        Tried::TooOften => Page::TooManyPasswords,
        Tried::Busy => Page::Unavailable,
    }
}

/// Whether the request says of itself that no person sent it.
pub(crate) fn is_machine(method: Method, said: &Said) -> bool {
    let evidence = enrich::Evidence::of_request(method, said.user_agent.as_deref());
    enrich::judge(&evidence).is_some_and(|(verdict, _)| verdict == Verdict::Bot)
}
