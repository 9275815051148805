//! Whether a user agent is that of a machine: by a published list, by words that only machines use of
//! themselves, and by what every browser's agent has.

use std::sync::LazyLock;

use domain::{Device, VerdictReason};

use super::list::listed;
use super::tables::{COMPATIBLES, ENGINES, LIBRARIES, OLD_BROWSERS, OLD_PHONES, OWN, PAGES_OF_BROWSERS, STEMS};
use super::unfurlers::is_unfurler;
use crate::agent::words::{Words, ends_word};

use VerdictReason::{Crawler, HttpLibrary, LinkPreview, NotABrowser};

static OWN_WORDS: LazyLock<Words<VerdictReason>> = LazyLock::new(|| Words::in_any_case(OWN));
static LIBRARY: LazyLock<Words<()>> = LazyLock::new(|| plain(&LIBRARIES));
static STEM: LazyLock<Words<()>> = LazyLock::new(|| plain(&STEMS));
static OLD_BROWSER: LazyLock<Words<()>> = LazyLock::new(|| plain(&OLD_BROWSERS));
static OLD_PHONE: LazyLock<Words<()>> = LazyLock::new(|| plain(&OLD_PHONES));
static ENGINE: LazyLock<Words<()>> = LazyLock::new(|| plain(&ENGINES));

fn plain(words: &[&'static str]) -> Words<()> {
    Words::in_any_case(words.iter().map(|word| (*word, ())))
}

/// Why the agent is that of a machine, if it is; `device` as it says itself.
pub(crate) fn machine(agent: &str, device: Device) -> Option<VerdictReason> {
    let lower = comparable(agent);
    if let Some(found) = OWN_WORDS.first(&lower, |_| true) {
        return Some(found.meaning);
    }
    let is_browser = lower.starts_with("mozilla/5.0 (") && lower.contains("gecko");
    if is_unfurler(agent) {
        return Some(LinkPreview);
    }
    if let Some(reason) = listed(agent) {
        return Some(reason);
    }
    if !is_browser && !OLD_PHONE.any(&lower) && LIBRARY.any(&lower) {
        return Some(HttpLibrary);
    }
    if device == Device::Bot || calls_itself_bot(&lower) || STEM.any(&lower) || says_where_to_complain(&lower) {
        return Some(Crawler);
    }
    (!could_be_a_browser(&lower)).then_some(NotABrowser)
}

/// In lower case, without what looks like a machine's and is none: quotes around it, pages that
/// browsers name, and an Android's model, of which several are called some bot.
fn comparable(agent: &str) -> String {
    let lower = agent.trim_start_matches(['\'', '"', ' ']).to_ascii_lowercase();
    let mut lower = PAGES_OF_BROWSERS.iter().fold(lower, |agent, page| if agent.contains(page) { agent.replace(page, "") } else { agent });
    if let Some(start) = lower.find("android ") {
        let rest = &lower[start..];
        let end = start + rest.find(" build/").or_else(|| rest.find(')')).unwrap_or(rest.len());
        if !["bot/", "compatible"].iter().any(|word| lower[start..end].contains(word)) {
            lower.replace_range(start..end, "android");
        }
    }
    lower
}

/// Whether a word ends in "bot".
fn calls_itself_bot(agent: &str) -> bool {
    agent.match_indices("bot").any(|(at, _)| ends_word(agent, at + 3) || agent[at + 3..].starts_with("s/"))
}

/// Whether it names a page or an address, as polite machines do and browsers do not.
fn says_where_to_complain(agent: &str) -> bool {
    let is_address = |at: usize| begins_at_word(agent, at) && agent[at + 1..].split([' ', ';', ')']).next().is_some_and(is_domain);
    ["http://", "https://", "+www.", "(www."].iter().any(|word| agent.contains(word))
        || agent.match_indices('@').any(|(at, _)| is_address(at))
}

/// Names joined by dots, the last of letters.
fn is_domain(text: &str) -> bool {
    let name = text.trim_end_matches('.').rsplit_once('.');
    name.is_some_and(|(_, last)| last.len() >= 2 && last.chars().all(|c| c.is_ascii_alphabetic()))
}

fn begins_at_word(agent: &str, at: usize) -> bool {
    agent[..at].ends_with(|before: char| before.is_ascii_alphanumeric())
}

fn could_be_a_browser(agent: &str) -> bool {
    let Some(rest) = agent.strip_prefix("mozilla/") else { return OLD_BROWSER.any(agent) };
    let is_old = !rest.starts_with('5') && rest.contains('(');
    if let Some((_, claimed)) = agent.split_once("(compatible;") {
        let claimed = claimed.trim_start();
        return COMPATIBLES.iter().any(|name| claimed.starts_with(name))
            || ["msie ", "trident/", "firefox/"].iter().any(|name| claimed.contains(name));
    }
    is_old || ENGINE.any(agent) || OLD_BROWSER.any(agent) || agent.contains(" build/")
}
