//! Captured facts ▸ what can be known of them: place, browser, language, campaign, verdict. Pure
//! functions of the click and the geo databases. The address itself goes no further.
//!
//! The worker asks for all of it; the redirector for the parts that the rules of a link depend on,
//! and with strict capture for all that takes the address, by the same function.

mod agent;
mod anew;
mod explain;
mod geo;
mod language;
mod miss;
mod neighbours;
mod networks;
mod privacy;
mod sources;
mod strict;
mod verdict;
mod visitor;

use std::sync::Arc;

use domain::{Address, CapturedClick, Click, JudgedAgent, Privacy, ReducedAddress, SignalSet, host_of_referrer, parse_utm};

pub use agent::{facts as agent_facts, facts_with_hints};
pub use explain::{Firsts, Step, explain_channel, explain_verdict, explain_visitor};
pub use geo::{GeoDatabases, GeoError, GeoFile, GeoFileState, GeoSource, GeoTrouble, Refreshed};
pub use language::first as first_language;
pub use miss::reduce_missed;
pub use neighbours::{Crowd, Neighbour, Pattern, REACH_MILLIS, SIGHT_MILLIS, beside, is_neighbour, patterns};
pub use networks::{NetworkClass, is_hosting, is_relay};
pub use privacy::may_tell_visitors_apart;
pub use strict::reduce_captured;
pub use verdict::{Evidence, RULES_VERSION, UserAgent, alone_again, alone_anew, is_unfurler, judge, judge_again};
pub use visitor::{RECIPE_CONSENTED, RECIPE_OF_DAY, visitor, visitor_of_day};

#[derive(Debug)]
pub struct Enricher {
    geo: Arc<GeoDatabases>,
}

impl Enricher {
    pub fn new(geo: Arc<GeoDatabases>) -> Self {
        Self { geo }
    }

    /// The click to be stored, judged by itself alone, with no more than its workspace keeps; its place in the order of storage is
    /// the store's to give.
    pub fn enrich(&self, captured: &CapturedClick, privacy: &Privacy) -> Click {
        let address = self.reduced(&captured.address);
        let JudgedAgent { facts, verdict, reason, rules_version } = match &captured.judged {
            Some(judged) => JudgedAgent::clone(judged),
            None => strict::judged(captured, privacy, NetworkClass::of(address.system.as_ref())),
        };
        let (utm, parameters) = parse_utm(&captured.url, &captured.target);
        let referrer = captured.referrer.as_deref().and_then(privacy::read);
        let referrer_host = referrer.as_ref().and_then(host_of_referrer);
        let followed = sources::followed(captured);
        let channel = sources::channel(&utm, followed, referrer_host.as_deref(), facts.browser.as_deref());
        let mut signals = captured.signals.set;
        if captured.signals.hints.is_some() {
            signals.insert(SignalSet::HINTS);
        }
        if followed.is_some() {
            signals.insert(SignalSet::CLICK_ID);
        }
        let mut click = Click {
            id: captured.id,
            seq: 0,
            link: captured.link,
            link_version: captured.link_version,
            outcome: captured.outcome,
            status: captured.status,
            method: captured.method,
            url: captured.url.clone(),
            target: captured.target.clone(),
            verdict,
            verdict_reason: reason,
            place: address.place,
            browser: facts.browser,
            browser_version: facts.browser_version,
            os: facts.os,
            os_version: facts.os_version,
            device: facts.device,
            language: captured.accept_language.as_deref().and_then(language::first),
            user_agent: captured.user_agent.clone(),
            referrer_host,
            referrer: None,
            utm,
            parameters,
            network: (!address.network.is_empty()).then_some(address.network),
            redirect_micros: captured.redirect_micros,
            rule: captured.rule.clone(),
            channel: Some(channel),
            rules_version,
            geo_version: address.geo_version,
            system: address.system,
            system_version: address.system_version,
            visitor: address.visitor,
            ip: None,
            signals,
        };
        privacy::reduce(&mut click, captured, referrer, privacy);
        click
    }

    fn reduced(&self, address: &Address) -> ReducedAddress {
        match address {
            Address::Unknown => ReducedAddress::default(),
            Address::Full(ip) => self.geo.reduce(*ip),
            Address::Reduced(reduced) => ReducedAddress::clone(reduced),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{ClickId, LinkId, Method, Millis, Outcome, Verdict, VerdictReason, WorkspaceId};

    use super::*;

    pub(crate) fn captured() -> CapturedClick {
        CapturedClick {
            id: ClickId::new(Millis(1), [1; 10]),
            workspace: WorkspaceId::new(Millis(1), [1; 10]),
            link: LinkId::new(Millis(1), [2; 10]),
            link_version: 1,
            outcome: Outcome::Redirected,
            status: 302,
            method: Method::Get,
            url: "http://x/a".into(),
            target: "https://y/".into(),
            address: domain::Address::Unknown,
            user_agent: None,
            referrer: None,
            accept_language: None,
            redirect_micros: 1,
            rule: None,
            above_rate: false,
            signals: domain::Signals::default(),
            judged: None,
        }
    }

    pub(crate) fn logged() -> CapturedClick {
        let click = captured();
        CapturedClick { link: LinkId::logged(click.workspace), url: "http://x/r".into(), ..click }
    }

    #[test]
    fn one_too_many_of_a_person_is_suspected_and_of_a_machine_is_a_machines() {
        let judged = |agent: &str, above_rate| {
            let captured = CapturedClick { user_agent: Some(agent.into()), above_rate, ..captured() };
            let click = Enricher::new(Arc::default()).enrich(&captured, &Privacy::default());
            (click.verdict, click.verdict_reason)
        };
        let person = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
        assert_eq!(judged(person, false), (Verdict::Human, VerdictReason::NoSignal));
        assert_eq!(judged(person, true), (Verdict::Suspected, VerdictReason::Rate));
        assert_eq!(judged("curl/8.5.0", true), (Verdict::Bot, VerdictReason::HttpLibrary));
    }
}
