//! Who clicked: a person, a machine, the workspace's own people; with the reason, the cheapest to tell
//! first. What says nothing else of itself is taken for a person.

mod headers;
mod list;
pub(crate) mod machines;
mod tables;
mod unfurlers;

use domain::{Address, CapturedClick, Click, Method, Privacy, SignalSet, Verdict, VerdictReason};

pub use unfurlers::is_unfurler;

use crate::agent::agent;

/// Which rules judged a click; raised with each change of them, so that clicks can be judged again.
pub const RULES_VERSION: i16 = 1;

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
}

impl<'a> Evidence<'a> {
    /// Of a request about which nothing else was taken down.
    pub fn of_request(method: Method, user_agent: Option<&'a str>) -> Self {
        let user_agent = user_agent.map_or(UserAgent::Absent, UserAgent::Is);
        Self { method, user_agent, signals: SignalSet::default(), is_own: false, above_rate: false }
    }

    pub fn of_captured(click: &'a CapturedClick, privacy: &Privacy) -> Self {
        let signals = click.signals.set;
        let is_own = is_own_network(&click.address, privacy) || signals.has_any(SignalSet::IGNORED | SignalSet::OWN_NETWORK);
        Self { signals, is_own, above_rate: click.above_rate, ..Self::of_request(click.method, click.user_agent.as_deref()) }
    }

    /// What was seen of a stored click by its address or its neighbours is known by its verdict only.
    pub fn of_stored(click: &'a Click) -> Self {
        let user_agent = match &click.user_agent {
            Some(agent) => UserAgent::Is(agent),
            None if click.verdict_reason == VerdictReason::NoUserAgent => UserAgent::Absent,
            None => UserAgent::NotKept,
        };
        let is_own = click.verdict == Verdict::Internal || click.signals.has_any(SignalSet::IGNORED | SignalSet::OWN_NETWORK);
        let above_rate = click.verdict_reason == VerdictReason::Rate;
        Self { method: click.method, user_agent, signals: click.signals, is_own, above_rate }
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
    Some(if let Some(reason) = agent.machine {
        (Verdict::Bot, reason)
    } else if evidence.above_rate {
        (Verdict::Suspected, VerdictReason::Rate)
    } else if let Some(reason) = headers::against(&agent, evidence.signals) {
        (Verdict::Suspected, reason)
    } else {
        (Verdict::Human, VerdictReason::NoSignal)
    })
}

/// Judges a stored click anew; where it says too little for that, what was said before stays.
pub fn judge_again(click: &Click) -> (Verdict, VerdictReason) {
    judge(&Evidence::of_stored(click)).unwrap_or((click.verdict, click.verdict_reason))
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
