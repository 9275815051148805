//! Strict capture: a click loses what its workspace does not keep before anything of it is written, and
//! says instead what was read of it.

use domain::{Address, CapturedClick, DaySalt, JudgedAgent, Privacy, PrivacyLevel, SignalSet, Verdict, VerdictReason};

use crate::privacy::{Reach, reach, reduce_addresses};
use crate::verdict::is_own_network;
use crate::{Evidence, GeoDatabases, NetworkClass, RULES_VERSION, facts_with_hints, judge, visitor};

/// Reduces the address to place, network and visitor, the user agent to what it tells, where the workspace
/// does not keep its text, and takes out of the click's URLs what is not kept. `privacy` is `None` while nobody can tell what the workspace
/// decided: then the click is only counted. `salt` is that of the click's day.
pub fn reduce_captured(click: &mut CapturedClick, geo: &GeoDatabases, privacy: Option<&Privacy>, salt: Option<&DaySalt>) {
    let undecided = Privacy::default();
    let reach = privacy.map_or(Reach::Counted, |privacy| reach(click, privacy));
    let privacy = privacy.unwrap_or(&undecided);
    let is_counted = reach == Reach::Counted;
    if is_own_network(&click.address, privacy) {
        click.signals.set.insert(SignalSet::OWN_NETWORK);
    }
    // While the agent that it takes is there.
    let visitor = if reach == Reach::Full { visitor(click, salt) } else { None };
    let reduced = match click.address {
        Address::Full(ip) => Some(geo.reduce(ip)),
        Address::Unknown | Address::Reduced(_) => None,
    };
    if is_counted || !privacy.keep.user_agent {
        let network = NetworkClass::of(reduced.as_ref().and_then(|reduced| reduced.system.as_ref()));
        click.judged = Some(Box::new(judged(click, privacy, network)));
        click.user_agent = None;
        if click.signals.hints.take().is_some() {
            click.signals.set.insert(SignalSet::HINTS);
        }
    }
    if is_counted || !privacy.keep.language {
        click.accept_language = None;
    }
    reduce_addresses(click, privacy, reach);
    if let Some(mut reduced) = reduced {
        if is_counted || privacy.level == PrivacyLevel::None {
            reduced.network.clear();
        }
        if is_counted || !privacy.keep.city {
            let place = &mut reduced.place;
            (place.city, place.latitude, place.longitude) = (None, None, None);
        } else {
            click.signals.set.insert(SignalSet::CITY_KEPT);
        }
        reduced.visitor = visitor;
        click.address = Address::Reduced(Box::new(reduced));
    }
}

/// What the click says of its agent, and is judged by.
pub(crate) fn judged(click: &CapturedClick, privacy: &Privacy, network: NetworkClass) -> JudgedAgent {
    // The user agent is still there, or the request had none.
    let (verdict, reason) = judge(&Evidence::of_captured(click, privacy, network)).unwrap_or((Verdict::Human, VerdictReason::NoSignal));
    JudgedAgent { facts: facts_with_hints(click.user_agent.as_deref(), &click.signals), verdict, reason, rules_version: RULES_VERSION }
}
