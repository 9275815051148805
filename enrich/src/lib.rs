//! Captured facts ▸ what can be known of them: place, browser, language, campaign, verdict. Pure
//! functions of the click and the geo databases. The address itself goes no further.
//!
//! The worker asks for all of it; the redirector for the parts that the rules of a link depend on,
//! and with strict capture for all that takes the address, by the same function.

mod agent;
mod geo;
mod language;
mod verdict;

use std::sync::Arc;

use domain::{Address, CapturedClick, Click, ReducedAddress, parse_utm, referrer_host};

pub use agent::facts as agent_facts;
pub use geo::{GeoDatabases, GeoError};
pub use language::first as first_language;
pub use verdict::judge;

#[derive(Debug)]
pub struct Enricher {
    geo: Arc<GeoDatabases>,
}

impl Enricher {
    pub fn new(geo: Arc<GeoDatabases>) -> Self {
        Self { geo }
    }

    /// The click to be stored; its place in the order of storage is the store's to give.
    pub fn enrich(&self, captured: &CapturedClick) -> Click {
        let facts = agent::facts(captured.user_agent.as_deref());
        let (verdict, verdict_reason) = verdict::judge(captured.method, captured.user_agent.as_deref(), facts.device);
        let address = self.reduced(&captured.address);
        let (utm, parameters) = parse_utm(&captured.url, &captured.target);
        Click {
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
            verdict_reason,
            place: address.place,
            browser: facts.browser,
            browser_version: facts.browser_version,
            os: facts.os,
            os_version: facts.os_version,
            device: facts.device,
            language: captured.accept_language.as_deref().and_then(language::first),
            user_agent: captured.user_agent.clone(),
            referrer_host: captured.referrer.as_deref().and_then(referrer_host),
            referrer: captured.referrer.clone(),
            utm,
            parameters,
            network: (!address.network.is_empty()).then_some(address.network),
            redirect_micros: captured.redirect_micros,
            rule: captured.rule.clone(),
        }
    }

    fn reduced(&self, address: &Address) -> ReducedAddress {
        match address {
            Address::Unknown => ReducedAddress::default(),
            Address::Full(ip) => self.geo.reduce(*ip),
            Address::Reduced(reduced) => reduced.clone(),
        }
    }
}
