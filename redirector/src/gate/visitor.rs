//! A visitor as rules see one. Nothing is parsed or looked up before some rule asks for it.

use std::net::IpAddr;
use std::sync::OnceLock;

use aws_lc_rs::hmac;
use domain::{ExperimentKey, GeoPlace, Method, Millis, Parameter, UserAgentFacts, network_of, parse_query};
use enrich::{GeoDatabases, agent_facts, first_language};
use platform::Metrics;
use prometheus_client::metrics::counter::Counter;

use super::is_machine;
use crate::headers::Said;

/// How often rules made the redirector look something up.
#[derive(Clone, Debug)]
pub(super) struct LookUps {
    places: Counter,
    agents: Counter,
}

impl LookUps {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            places: metrics.register("redirector_geo_look_ups", "Addresses looked up for rules of links", Counter::default()),
            agents: metrics.register("redirector_agents_parsed", "User agents parsed for rules and limits of links", Counter::default()),
        }
    }
}

/// What is known of the request without any work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub method: Method,
    pub now: Millis,
    pub ip: IpAddr,
    pub query: Option<&'a str>,
    pub said: &'a Said,
    /// Whether the visitor goes on if the link leads on, and takes a permit where it has a limit.
    pub goes_on: bool,
}

#[derive(Debug)]
pub(crate) struct Visitor<'a> {
    seen: Seen<'a>,
    geo: &'a GeoDatabases,
    look_ups: &'a LookUps,
    agent: OnceLock<UserAgentFacts>,
    place: OnceLock<GeoPlace>,
    language: OnceLock<Option<String>>,
    parameters: OnceLock<Vec<Parameter>>,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(seen: Seen<'a>, geo: &'a GeoDatabases, look_ups: &'a LookUps) -> Self {
        Self { seen, geo, look_ups, agent: OnceLock::new(), place: OnceLock::new(), language: OnceLock::new(), parameters: OnceLock::new() }
    }

    pub fn query(&self) -> Option<&'a str> {
        self.seen.query
    }

    pub fn network(&self) -> String {
        network_of(self.seen.ip)
    }

    /// Whether a permit is to be taken for them: a machine takes nobody's, nor does who does not go on.
    pub fn takes_permit(&self) -> bool {
        self.seen.goes_on && !self.seen.said.is_preview() && !is_machine(self.seen.method, self.seen.said)
    }

    fn user_agent(&self) -> Option<&str> {
        self.seen.said.user_agent.as_deref()
    }
}

impl domain::Visitor for Visitor<'_> {
    fn now(&self) -> Millis {
        self.seen.now
    }

    fn ip(&self) -> IpAddr {
        self.seen.ip
    }

    fn place(&self) -> &GeoPlace {
        self.place.get_or_init(|| {
            self.look_ups.places.inc();
            self.geo.place(self.seen.ip)
        })
    }

    fn agent(&self) -> &UserAgentFacts {
        self.agent.get_or_init(|| {
            self.look_ups.agents.inc();
            agent_facts(self.user_agent())
        })
    }

    fn language(&self) -> Option<&str> {
        self.language.get_or_init(|| self.seen.said.language.as_deref().and_then(first_language)).as_deref()
    }

    fn parameters(&self) -> &[Parameter] {
        self.parameters.get_or_init(|| parse_query(self.seen.query.unwrap_or_default()))
    }

    /// The first 64 bits of HMAC-SHA-256 over network and user agent: the same visitor meets the
    /// same variant without a cookie, and nothing of this is stored.
    fn draw(&self, key: &ExperimentKey) -> u64 {
        draw(key, &self.network(), self.user_agent().unwrap_or_default())
    }
}

fn draw(key: &ExperimentKey, network: &str, user_agent: &str) -> u64 {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key.0));
    for part in [network.as_bytes(), b"\0", user_agent.as_bytes()] {
        context.update(part);
    }
    let tag = context.sign();
    let mut first = [0; 8];
    first.copy_from_slice(&tag.as_ref()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use domain::{Experiment, TargetUrl, Variant};

    use super::*;

    fn experiment(key: u8) -> Experiment {
        let variant =
            |name: &str, weight| Variant { name: name.into(), target: TargetUrl::from_store("https://example.com/".into()), weight };
        Experiment { key: ExperimentKey([key; 32]), variants: vec![variant("A", 70), variant("B", 30)] }
    }

    fn met(experiment: &Experiment, network: &str, agent: &str) -> String {
        experiment.assign(draw(&experiment.key, network, agent)).unwrap().name.clone()
    }

    #[test]
    fn draws_are_those_of_any_hmac_sha_256() {
        // Python's hmac.digest(b"\x07" * 32, b"203.0.113.0/24\x00Mozilla/5.0", "sha256")[:8].
        assert_eq!(draw(&ExperimentKey([7; 32]), "203.0.113.0/24", "Mozilla/5.0"), 0x50aa_773b_d928_5726);
    }

    #[test]
    fn visitors_stay_and_are_dealt_by_weight() {
        let (first, second) = (experiment(1), experiment(2));
        let networks: Vec<String> = (0..100).flat_map(|a| (0..100).map(move |b| format!("10.{a}.{b}.0/24"))).collect();
        let of = |experiment: &Experiment| networks.iter().map(|network| met(experiment, network, "Mozilla/5.0")).collect::<Vec<_>>();
        let (dealt, other) = (of(&first), of(&second));
        assert_eq!(dealt, of(&first));
        // 7,000 wanted of 10,000; six standard deviations are 275.
        let a = dealt.iter().filter(|name| *name == "A").count();
        assert!(a.abs_diff(7_000) < 275, "{a}");
        // Another experiment deals anew: 58 of 100 are the same by chance.
        let same = dealt.iter().zip(&other).filter(|(one, other)| one == other).count();
        assert!(same.abs_diff(5_800) < 300, "{same}");
        let agents = (0..1_000).filter(|i| met(&first, "10.0.0.0/24", &format!("Agent {i}")) == "A").count();
        assert!(agents.abs_diff(700) < 90, "{agents}");
    }
}
