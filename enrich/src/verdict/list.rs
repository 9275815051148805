//! The published list of crawlers.

use std::sync::LazyLock;

use domain::VerdictReason;
use regex::RegexSet;

use crate::agent::words::{Found, Words, begins_word};

use VerdictReason::{AiCrawler, Crawler, Headless, HttpLibrary, LinkPreview, Monitor};

/// Patterns of npm's crawler-user-agents, each with a tag; `scripts/crawlers` writes it.
const LIST: &str = include_str!("../../data/crawlers.tsv");

/// Patterns of the list that match what people use too.
const NOT_TAKEN: [&str; 20] = [
    "Blackboard",
    "Butterfly",
    "Viber",
    "MetaIAB Facebook",
    "Sogou",
    "Notion\\/",
    "Tumblr\\/",
    "Goodreads",
    "Fluid",
    "Code\\/1\\.",
    "Trae\\/",
    "Valve\\/Steam",
    "Bluesky\\/",
    "^Silk\\/",
    "Sonic",
    "Trove",
    "Fever",
    "008\\/",
    "RED\\/",
    "FastmailUA",
];

/// A literal of the list that is shorter must begin a word, since it may be part of a phone's name.
const LONG: usize = 8;

static LISTED: LazyLock<List> = LazyLock::new(|| List::read(LIST));

/// What the list says of an agent, if it has it.
pub(super) fn listed(agent: &str) -> Option<VerdictReason> {
    LISTED.reason(agent)
}

/// Nearly all of the patterns are plain texts.
struct List {
    literals: Words<(VerdictReason, bool)>,
    patterns: RegexSet,
    reasons: Vec<VerdictReason>,
}

impl List {
    fn read(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| line.split_once('\t')).filter(|(pattern, _)| !NOT_TAKEN.contains(pattern));
        let (mut literals, mut patterns, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for (pattern, tag) in entries {
            match literal(pattern) {
                Some(literal) => literals.push((literal, reason_of(tag))),
                None => {
                    patterns.push(pattern);
                    reasons.push(reason_of(tag));
                }
            }
        }
        let words = literals.iter().map(|(text, reason)| (text.as_str(), (*reason, text.len() < LONG)));
        // A test compiles each of them.
        let patterns = RegexSet::new(patterns).unwrap_or_else(|_| RegexSet::empty());
        Self { literals: Words::new(words), patterns, reasons }
    }

    fn reason(&self, agent: &str) -> Option<VerdictReason> {
        let counts = |found: &Found<(VerdictReason, bool)>| !found.meaning.1 || begins_word(agent, found.start);
        if let Some(found) = self.literals.first(agent, counts) {
            return Some(found.meaning.0);
        }
        self.patterns.matches(agent).iter().next().map(|index| self.reasons[index])
    }
}

fn reason_of(tag: &str) -> VerdictReason {
    match tag {
        "browser-automation" => Headless,
        "ai-crawler" => AiCrawler,
        "social-preview" => LinkPreview,
        "monitoring" => Monitor,
        "http-library" => HttpLibrary,
        _ => Crawler,
    }
}

/// The text that a pattern stands for, where it stands for one only.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut escaped = false;
    for c in pattern.chars() {
        match c {
            _ if escaped && c.is_ascii_alphanumeric() => return None,
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '^' | '$' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' if !escaped => return None,
            _ => text.push(c),
        }
        escaped = false;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_of_the_list_is_understood() {
        let list = List::read(LIST);
        assert_eq!(list.patterns.len(), list.reasons.len());
        assert!(list.reasons.len() > 20 && LIST.lines().count() > 1_400);
        for pattern in NOT_TAKEN {
            assert!(LIST.lines().any(|line| line.split('\t').next() == Some(pattern)), "{pattern} is not in the list any more");
        }
        assert_eq!(literal(r"Googlebot\/").as_deref(), Some("Googlebot/"));
        assert_eq!((literal("^curl"), literal(r"a\d")), (None, None));
    }
}
