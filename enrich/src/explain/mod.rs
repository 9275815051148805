//! Why a stored click was judged so, in sentences for a person: what its request said, where it came from, and
//! what the rules made of it. Nothing is told that is not stored with the click.

mod channel;
mod signals;
mod visitor;

use domain::{Click, JudgedClick, Method, VerdictReason};

pub use visitor::{Firsts, explain_visitor};

use crate::neighbours::is_of_neighbours;
use crate::{NetworkClass, RULES_VERSION, judge_again};

/// One thing that is known of a click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Stable, for programs.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
}

impl Step {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// What the request said, one step for each thing that may have mattered, and the verdict that came of it.
pub fn explain_verdict(click: &Click) -> Vec<Step> {
    let mut steps = vec![method(click.method), user_agent(click)];
    steps.extend(signals::of(click.signals));
    steps.push(network(click));
    let (code, message) = click.verdict_reason.describe();
    steps.push(Step::new(format!("VERDICT_{code}"), message));
    steps.push(rules(click));
    steps
}

/// The channel, and what told it.
pub fn explain_channel(click: &Click) -> Step {
    channel::told(click)
}

fn method(method: Method) -> Step {
    match method {
        Method::Head => Step::new("METHOD_HEAD", "The request asked for the headers only (HEAD), as link checkers do."),
        Method::Get => Step::new("METHOD_GET", "The request was the one that a browser makes for a page (GET)."),
        Method::Post => Step::new("METHOD_POST", "The request sent a form, such as a password or a logged click (POST)."),
    }
}

fn user_agent(click: &Click) -> Step {
    let read = match (&click.browser, &click.os) {
        (Some(browser), Some(os)) => format!("{browser} on {os}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "no browser that is known".to_owned(),
    };
    match &click.user_agent {
        Some(_) => Step::new("USER_AGENT", format!("The user agent was read as {read}.")),
        None if click.verdict_reason == VerdictReason::NoUserAgent => Step::new("USER_AGENT_ABSENT", "The request had no user agent."),
        None => Step::new("USER_AGENT_NOT_KEPT", format!("The user agent is not kept; it was read as {read} when the click came.")),
    }
}

fn network(click: &Click) -> Step {
    let Some(system) = &click.system else {
        return Step::new("NETWORK_UNKNOWN", "Which provider's network it came from is not known.");
    };
    let name = match &system.name {
        Some(name) => format!("{name} (AS{})", system.number),
        None => format!("AS{}", system.number),
    };
    match NetworkClass::of(Some(system)) {
        NetworkClass::Hosting => Step::new("NETWORK_DATA_CENTRE", format!("It came from rented servers: {name}.")),
        NetworkClass::Relay => Step::new("NETWORK_RELAY", format!("It came through a relay that hides people's addresses: {name}.")),
        NetworkClass::Unknown => Step::new("NETWORK", format!("It came from {name}, which is in no list of data centres.")),
    }
}

/// Which rules judged it, and what those of today would say.
fn rules(click: &Click) -> Step {
    let version = click.rules_version;
    if version == RULES_VERSION {
        return Step::new("RULES_CURRENT", format!("It was judged by version {version} of the rules, which are those of today."));
    }
    let judged = JudgedClick::from(click);
    let today = if is_of_neighbours(judged.reason) { (judged.verdict, judged.reason) } else { judge_again(&judged) };
    let by = match version {
        0 => "rules from before they had versions".to_owned(),
        _ => format!("version {version} of the rules"),
    };
    let same = today == (click.verdict, click.verdict_reason);
    let would = if same { "would say the same of it by itself".to_owned() } else { format!("would say {}", today.1.describe().0) };
    Step::new(
        "RULES_OTHER",
        format!("It was judged by {by}; those of today, version {RULES_VERSION}, {would}. Judging again (reclassify) applies them."),
    )
}

#[cfg(test)]
mod tests {
    use domain::{AutonomousSystem, SignalSet, Verdict};
    use std::sync::Arc;

    use super::*;
    use crate::Enricher;
    use crate::tests::captured;

    fn click(agent: &str) -> Click {
        let captured = domain::CapturedClick { user_agent: Some(agent.into()), ..captured() };
        Enricher::new(Arc::default()).enrich(&captured, &domain::Privacy::default())
    }

    fn codes(click: &Click) -> Vec<String> {
        explain_verdict(click).into_iter().map(|step| step.code).collect()
    }

    #[test]
    fn what_spoke_is_told_and_ends_with_the_verdict() {
        let mut click = click("curl/8.5.0");
        click.signals = SignalSet::TAKEN | SignalSet::GPC;
        let wanted =
            ["METHOD_GET", "USER_AGENT", "SIGNAL_GPC", "HEADERS_MISSING", "NETWORK_UNKNOWN", "VERDICT_HTTP_LIBRARY", "RULES_CURRENT"];
        assert_eq!(codes(&click), wanted);
        click.system = Some(AutonomousSystem { number: 16_509, name: Some("Amazon".into()) });
        let network = explain_verdict(&click).into_iter().find(|step| step.code == "NETWORK_DATA_CENTRE").unwrap();
        assert!(network.message.contains("Amazon (AS16509)"), "{}", network.message);
    }

    #[test]
    fn older_rules_are_compared_with_those_of_today() {
        let mut click = click("curl/8.5.0");
        (click.rules_version, click.verdict, click.verdict_reason) = (1, Verdict::Human, VerdictReason::NoSignal);
        let rules = explain_verdict(&click).pop().unwrap();
        assert_eq!(rules.code, "RULES_OTHER");
        assert!(rules.message.contains("would say HTTP_LIBRARY"), "{}", rules.message);
    }
}
