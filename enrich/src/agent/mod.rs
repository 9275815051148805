//! What a user agent and its client hints say: browser, system, class of device, and whether it is that
//! of a machine. By woothee, with what came after its last release around it.

mod browsers;
mod cache;
mod devices;
mod hints;
mod systems;
pub(crate) mod words;

#[cfg(test)]
pub(crate) use browsers::is_app;

use std::rc::Rc;

use domain::{Device, Signals, UserAgentFacts, VerdictReason};
use woothee::parser::Parser;

use crate::verdict::machines;

/// The longest version that is kept, in bytes.
const MAX_VERSION: usize = 32;

/// What makes the requests of a browser, with its version: each sends certain headers from one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Chromium(u32),
    Gecko(u32),
    /// Safari itself, not what is built on its engine.
    Safari(u32),
    Other,
}

/// What is known of a user agent by its text alone.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) facts: UserAgentFacts,
    /// Why it is that of a machine, if it is.
    pub(crate) machine: Option<VerdictReason>,
    pub(crate) engine: Engine,
    /// Whether an app shows the page; such views send what they like.
    pub(crate) is_embedded: bool,
}

/// What is known of a user agent, read now or before.
pub(crate) fn agent(text: &str) -> Rc<Agent> {
    cache::remembered(text, read)
}

/// Nothing is known of a visitor without a user agent.
pub fn facts(user_agent: Option<&str>) -> UserAgentFacts {
    user_agent.map_or_else(nothing, |text| agent(text).facts.clone())
}

/// The same with what client hints know better.
pub fn facts_with_hints(user_agent: Option<&str>, signals: &Signals) -> UserAgentFacts {
    let Some(text) = user_agent else { return nothing() };
    let agent = agent(text);
    let mut facts = agent.facts.clone();
    hints::refine(&mut facts, signals, agent.is_embedded);
    facts
}

fn nothing() -> UserAgentFacts {
    UserAgentFacts { browser: None, browser_version: None, os: None, os_version: None, device: Device::Unknown }
}

fn read(text: &str) -> Agent {
    let parsed = Parser::new().parse(text);
    let browser = browsers::browser(text, parsed.as_ref());
    let (os, os_version) = systems::system(text, parsed.as_ref());
    let device = devices::device(text, parsed.as_ref());
    let machine = machines::machine(text, device);
    let device = match machine {
        None | Some(VerdictReason::HttpLibrary | VerdictReason::NotABrowser) => device,
        Some(_) => Device::Bot,
    };
    Agent {
        engine: engine(text),
        is_embedded: browser.is_embedded,
        facts: UserAgentFacts { browser: browser.name, browser_version: browser.version, os, os_version, device },
        machine,
    }
}

fn engine(text: &str) -> Engine {
    let major = |token: &str| {
        let (_, rest) = text.split_once(token)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    if !text.starts_with("Mozilla/5.0 (") {
        return Engine::Other;
    }
    if let Some(version) = major(" Chrome/") {
        Engine::Chromium(version)
    } else if let Some(version) = major(" Firefox/").filter(|_| text.contains(" Gecko/")) {
        Engine::Gecko(version)
    } else if let Some(version) = major(" Version/").filter(|_| text.contains("Mac OS X") && text.contains(" Safari/")) {
        Engine::Safari(version)
    } else {
        Engine::Other
    }
}

/// The version at the beginning of `text`; TikTok writes its own with underscores.
pub(crate) fn version(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len()).min(MAX_VERSION);
    known(text[..end].trim_matches(['.', '_'])).map(|version| version.replace('_', "."))
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty() && text != "UNKNOWN" && text.len() <= MAX_VERSION).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
