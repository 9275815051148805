//! The bits of a request, in words.

use domain::SignalSet;

use super::Step;

/// Those that say something by being there.
const SAID: &[(SignalSet, &str, &str)] = &[
    (SignalSet::IGNORED, "SIGNAL_IGNORED", "The browser, or the address of the link, asks to be counted as the workspace's own."),
    (SignalSet::OWN_NETWORK, "SIGNAL_OWN_NETWORK", "The address was in one of the workspace's own networks."),
    (SignalSet::PREFETCH, "SIGNAL_PREFETCH", "The browser said that it fetches the page ahead."),
    (SignalSet::PRERENDER, "SIGNAL_PRERENDER", "The browser said that it renders the page ahead."),
    (SignalSet::PREVIEW, "SIGNAL_PREVIEW", "The browser said that it makes a preview."),
    (SignalSet::NAVIGATION, "SIGNAL_NAVIGATION", "The browser said that somebody goes to a page (Sec-Fetch-Mode: navigate)."),
    (SignalSet::USER_ACTIVATED, "SIGNAL_USER_ACTIVATED", "The browser said that a person clicked or typed (Sec-Fetch-User)."),
    (SignalSet::BRANDS, "SIGNAL_BRANDS", "The browser named itself by client hints as well (Sec-CH-UA)."),
    (SignalSet::REQUESTED_WITH, "SIGNAL_REQUESTED_WITH", "An app's own browser opened it (X-Requested-With)."),
    (SignalSet::GPC, "SIGNAL_GPC", "The browser objects to being followed (Global Privacy Control)."),
    (SignalSet::DNT, "SIGNAL_DNT", "The browser asks not to be tracked (Do Not Track)."),
];

/// Headers that every browser sends.
const GENERAL: &[(SignalSet, &str)] =
    &[(SignalSet::ACCEPT, "Accept"), (SignalSet::ACCEPT_LANGUAGE, "Accept-Language"), (SignalSet::ACCEPT_ENCODING, "Accept-Encoding")];

pub(super) fn of(set: SignalSet) -> Vec<Step> {
    let said = SAID.iter().filter(|(signal, ..)| set.has(*signal)).map(|(_, code, message)| Step::new(*code, *message));
    let mut steps: Vec<Step> = said.collect();
    if !set.has(SignalSet::TAKEN) {
        steps.push(Step::new("HEADERS_NOT_TAKEN", "The visitor's other headers were not looked at, so nothing is missing from them."));
        return steps;
    }
    let mut missing: Vec<&str> = GENERAL.iter().filter(|(signal, _)| !set.has(*signal)).map(|(_, name)| *name).collect();
    // Over an open connection no browser sends it.
    if set.has(SignalSet::SECURE) && !set.has(SignalSet::FETCH_METADATA) {
        missing.push("Sec-Fetch-Mode");
    }
    if !missing.is_empty() {
        steps.push(Step::new("HEADERS_MISSING", format!("Headers that browsers send were missing: {}.", missing.join(", "))));
    }
    steps
}
