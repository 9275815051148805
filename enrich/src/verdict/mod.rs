//! Who clicked: a person, a machine, the workspace's own people; with the reason, the cheapest to tell
//! first. What says nothing else of itself is taken for a person.

mod headers;
mod list;
pub(crate) mod machines;
mod tables;
mod unfurlers;

use domain::{Address, CapturedClick, JudgedClick, Method, Privacy, SignalSet, Verdict, VerdictReason};

pub use unfurlers::is_unfurler;

use crate::NetworkClass;
use crate::agent::agent;
use crate::neighbours::is_of_neighbours;

/// Which rules judged a click; raised with each change of them, so that clicks can be judged again.
pub const RULES_VERSION: i16 = 3;

/// The user agent as far as it is still known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAgent<'a> {
    Is(&'a str),
    /// The request had none.
    Absent,
    /// The workspace does not keep it.
    NotKept,
}

/// What a click is judged by, whether it was just captured or is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'a> {
    pub method: Method,
    pub user_agent: UserAgent<'a>,
    pub signals: SignalSet,
    /// Whether it is the workspace's own.
    pub is_own: bool,
    /// Whether it was one too many of its address or link at that moment.
    pub above_rate: bool,
    pub network: NetworkClass,
}

impl<'a> Evidence<'a> {
    /// Of a request about which nothing else was taken down.
    pub fn of_request(method: Method, user_agent: Option<&'a str>) -> Self {
        let user_agent = user_agent.map_or(UserAgent::Absent, UserAgent::Is);
        Self { method, user_agent, signals: SignalSet::default(), is_own: false, above_rate: false, network: NetworkClass::Unknown }
    }

    pub fn of_captured(click: &'a CapturedClick, privacy: &Privacy, network: NetworkClass) -> Self {
        let signals = click.signals.set;
        let is_own = is_own_network(&click.address, privacy) || signals.has_any(SignalSet::IGNORED | SignalSet::OWN_NETWORK);
        let request = Self::of_request(click.method, click.user_agent.as_deref());
        Self { signals, is_own, above_rate: click.above_rate, network, ..request }
    }

    /// What was seen of a stored click by its address is known by its verdict only.
    pub fn of_stored(click: &'a JudgedClick) -> Self {
        let user_agent = match &click.user_agent {
            Some(agent) => UserAgent::Is(agent),
            None if click.reason == VerdictReason::NoUserAgent => UserAgent::Absent,
            None => UserAgent::NotKept,
        };
        let is_own = click.verdict == Verdict::Internal || click.signals.has_any(SignalSet::IGNORED | SignalSet::OWN_NETWORK);
        let above_rate = click.reason == VerdictReason::Rate;
        let network = NetworkClass::of_number(click.system);
        Self { method: click.method, user_agent, signals: click.signals, is_own, above_rate, network }
    }
}

/// Whether the address is in one of the workspace's own networks.
pub(crate) fn is_own_network(address: &Address, privacy: &Privacy) -> bool {
    match address {
        Address::Full(ip) => {
            let ip = ip.to_canonical();
            privacy.own_networks.iter().any(|network| network.contains(&ip))
        }
        Address::Unknown | Address::Reduced(_) => false,
    }
}

/// The verdict and its reason. `None` where it depends on a user agent that was not kept.
pub fn judge(evidence: &Evidence<'_>) -> Option<(Verdict, VerdictReason)> {
    if evidence.is_own {
        return Some((Verdict::Internal, VerdictReason::OwnTraffic));
    }
    if evidence.user_agent == UserAgent::Absent {
        return Some((Verdict::Bot, VerdictReason::NoUserAgent));
    }
    if evidence.method == Method::Head {
        return Some((Verdict::Bot, VerdictReason::HeadRequest));
    }
    if let Some(reason) = fetched_ahead(evidence.signals) {
        return Some((Verdict::Bot, reason));
    }
    let UserAgent::Is(text) = evidence.user_agent else { return None };
    let agent = agent(text);
    // What says of itself that it is a machine is no less of one for being fast.
    if let Some(reason) = agent.machine {
        return Some((Verdict::Bot, reason));
    }
    let suspicion = if evidence.above_rate { Some(VerdictReason::Rate) } else { headers::against(&agent, evidence.signals) };
    // People browse from data centres too, and browsers go without a header now and then; hardly both.
    Some(match (suspicion, evidence.network) {
        (Some(reason), NetworkClass::Hosting) => (Verdict::Bot, reason),
        (Some(reason), _) => (Verdict::Suspected, reason),
        (None, NetworkClass::Hosting) => (Verdict::Suspected, VerdictReason::DataCentre),
        (None, _) => (Verdict::Human, VerdictReason::NoSignal),
    })
}

/// Judges a stored click anew, by itself alone; where it says too little for that, what was said before
/// stays.
pub fn judge_again(click: &JudgedClick) -> (Verdict, VerdictReason) {
    judge(&Evidence::of_stored(click)).unwrap_or((click.verdict, click.reason))
}

/// What a stored click is by itself alone: as it was judged, unless that was for the clicks beside it.
pub fn alone_again(click: &JudgedClick) -> (Verdict, VerdictReason) {
    if !is_of_neighbours(click.reason) {
        return (click.verdict, click.reason);
    }
    // Without its user agent no more is known than that it was no machine that says so.
    judge(&Evidence::of_stored(click)).unwrap_or((Verdict::Human, VerdictReason::NoSignal))
}

/// What it is by itself alone, by these rules.
pub fn alone_anew(click: &JudgedClick) -> (Verdict, VerdictReason) {
    if is_of_neighbours(click.reason) { alone_again(click) } else { judge_again(click) }
}

fn fetched_ahead(signals: SignalSet) -> Option<VerdictReason> {
    let reasons = [
        (SignalSet::PRERENDER, VerdictReason::Prerender),
        (SignalSet::PREFETCH, VerdictReason::Prefetch),
        (SignalSet::PREVIEW, VerdictReason::Preview),
    ];
    reasons.into_iter().find(|(signal, _)| signals.has(*signal)).map(|(_, reason)| reason)
}

#[cfg(test)]
mod tests;
