//! What the headers say against the browser that a user agent names.
//!
//! Chromium sends Sec-Fetch headers from 80 on and Sec-CH-UA from 89 on, Firefox Sec-Fetch from 90 on,
//! Safari from 16.4 on, each over secure connections only (MDN, "Sec-Fetch-Mode" and "Sec-CH-UA",
//! browser compatibility). Apps and web views send what they like and are accused of nothing here;
//! neither is Safari, for the want of one header.

use domain::{SignalSet, VerdictReason};

use crate::agent::{Agent, Engine};

use VerdictReason::{Contradiction, MissingHeaders, PartOfAPage};

/// Versions from which on a browser surely sends what is missed, some later than the first that did.
const CHROMIUM: u32 = 90;
const GECKO: u32 = 91;
const SAFARI: u32 = 17;

pub(super) fn against(agent: &Agent, signals: SignalSet) -> Option<VerdictReason> {
    let has = |signal| signals.has(signal);
    if !has(SignalSet::TAKEN) || agent.is_embedded || has(SignalSet::REQUESTED_WITH) {
        return None;
    }
    if has(SignalSet::SECURE | SignalSet::FETCH_METADATA) && !has(SignalSet::NAVIGATION) {
        return Some(PartOfAPage);
    }
    // The only ones that send hints are built on Chromium.
    if has(SignalSet::BRANDS) && matches!(agent.engine, Engine::Gecko(_) | Engine::Safari(_)) {
        return Some(Contradiction);
    }
    let general = [SignalSet::ACCEPT, SignalSet::ACCEPT_LANGUAGE, SignalSet::ACCEPT_ENCODING];
    let missing = general.iter().filter(|header| !has(**header)).count();
    let is_modern = match agent.engine {
        Engine::Chromium(version) => version >= CHROMIUM,
        Engine::Gecko(version) => version >= GECKO,
        Engine::Safari(version) => version >= SAFARI,
        Engine::Other => false,
    };
    let is_bare = has(SignalSet::SECURE) && !has(SignalSet::FETCH_METADATA);
    let is_incomplete = match agent.engine {
        Engine::Chromium(_) => is_bare && !has(SignalSet::BRANDS),
        Engine::Gecko(_) => is_bare && (missing > 0 || !has(SignalSet::UPGRADE_INSECURE)),
        Engine::Safari(_) => is_bare && missing > 0,
        Engine::Other => false,
    };
    (is_modern && (is_incomplete || missing >= 2)).then_some(MissingHeaders)
}
