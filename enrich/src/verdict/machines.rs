//! Whether a user agent is that of a machine: by a published list, by words that only machines use of
//! themselves, and by what every browser's agent has.

use std::sync::LazyLock;

use domain::{Device, VerdictReason};
use regex::RegexSet;

use super::unfurlers::is_unfurler;
use crate::agent::words::{Found, Words, begins_word, ends_word};

use VerdictReason::{AiAssistant, AiCrawler, Crawler, Headless, HttpLibrary, LinkPreview, Monitor, NotABrowser};

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

/// What the list does not tell apart, or not yet has: by parts of agents, in any case.
const OWN: [(&str, VerdictReason); 58] = [
    ("chatgpt-user", AiAssistant),
    ("claude-user", AiAssistant),
    ("perplexity-user", AiAssistant),
    ("perplexityuser", AiAssistant),
    ("mistralai-user", AiAssistant),
    ("meta-externalfetcher", AiAssistant),
    ("duckassistbot", AiAssistant),
    ("google-notebooklm", AiAssistant),
    ("google-agent", AiAssistant),
    ("googleagent-", AiAssistant),
    ("gemini-deep-research", AiAssistant),
    ("amzn-user", AiAssistant),
    ("manus-user", AiAssistant),
    ("gptbot", AiCrawler),
    ("oai-searchbot", AiCrawler),
    ("claudebot", AiCrawler),
    ("claude-searchbot", AiCrawler),
    ("claude-web", AiCrawler),
    ("anthropic-ai", AiCrawler),
    ("perplexitybot", AiCrawler),
    ("bytespider", AiCrawler),
    ("ccbot/", AiCrawler),
    ("meta-externalagent", AiCrawler),
    ("meta-webindexer", AiCrawler),
    ("amazonbot", AiCrawler),
    ("google-extended", AiCrawler),
    ("applebot-extended", AiCrawler),
    ("cohere-", AiCrawler),
    ("youbot", AiCrawler),
    ("petalbot", Crawler),
    ("google-cloudvertexbot", AiCrawler),
    ("headless", Headless),
    ("phantomjs", Headless),
    ("puppeteer", Headless),
    ("playwright", Headless),
    ("selenium", Headless),
    ("slimerjs", Headless),
    ("webdriver", Headless),
    ("cypress/", Headless),
    ("electron-scrap", Headless),
    ("jsdom/", Headless),
    ("htmlunit", Headless),
    ("chrome-lighthouse", Monitor),
    ("lighthouse", Monitor),
    ("pingdom", Monitor),
    ("uptime", Monitor),
    ("statuscake", Monitor),
    ("site24x7", Monitor),
    ("gtmetrix", Monitor),
    ("webpagetest", Monitor),
    ("datadog", Monitor),
    ("newrelic", Monitor),
    ("nagios", Monitor),
    ("monitoring", Monitor),
    ("monitor/", Monitor),
    ("checkly", Monitor),
    ("catchpoint", Monitor),
    ("zabbix", Monitor),
];

/// HTTP libraries and command-line tools. A whole browser may run inside an app that names its library
/// too, so they count where there is no browser only.
const LIBRARIES: [&str; 66] = [
    "curl/",
    "wget",
    "python",
    "aiohttp",
    "httpx",
    "scrapy",
    "go-http-client",
    "okhttp",
    "axios",
    "node-fetch",
    "node.js",
    "undici",
    "got (",
    "superagent",
    "java/",
    "java1.",
    "httpclient",
    "http-client",
    "http_client",
    "jakarta",
    "libwww",
    "lwp",
    "perl",
    "postman",
    "insomnia/",
    "httpie",
    "guzzle",
    "php/",
    "ruby",
    "faraday",
    "typhoeus",
    "mechanize",
    "reqwest",
    "hyper/",
    "powershell",
    "winhttp",
    "libcurl",
    "pycurl",
    "dart:io",
    "dart/",
    "oha/",
    "hey/",
    "wrk/",
    "apachebench",
    "siege/",
    "k6/",
    "jmeter",
    "httpurlconnection",
    "cfnetwork",
    "alamofire",
    "restsharp",
    "unirest",
    "http.rb",
    "erlang",
    "hackney",
    "elixir",
    "rest-client",
    "urlgrabber",
    "aria2",
    "netty",
    "akka-http",
    "jetty",
    "ktor",
    "bun/",
    "deno/",
    "haskell",
];

/// Words that only machines use of themselves; each may go on with letters.
const STEMS: [&str; 34] = [
    "crawl",
    "spider",
    "slurp",
    "scrap",
    "robot",
    "fetcher",
    "archiver",
    "archive.org",
    "indexer",
    "validator",
    "linkcheck",
    "link check",
    "checker",
    "scanner",
    "harvest",
    "extractor",
    "wappalyzer",
    "feedfetch",
    "feedburner",
    "feed parser",
    "rss reader",
    "preview",
    "embedly",
    "iframely",
    "thumbnail",
    "screenshot",
    "web-sniffer",
    "sitemap",
    "security scan",
    "vulnerab",
    "nessus",
    "nuclei",
    "masscan",
    "zgrab",
];

/// Browsers that name a page, as else only machines do.
const PAGES_OF_BROWSERS: [&str; 2] = ["http://bsalsa.com", "http://www.qtweb.net"];

/// What tells phones and browsers that do not begin with "Mozilla" from other programs.
const OLD_BROWSERS: [&str; 68] = [
    "iphone os",
    "hiptop",
    "wap-browser",
    "icecat",
    "opera",
    "midp",
    "cldc",
    "profile/",
    "ucweb",
    "ucbrowser",
    "up.browser",
    "up.link",
    "blackberry",
    "nokia",
    "sonyericsson",
    "samsung",
    "sec-",
    "lg-",
    "lge-",
    "lg/",
    "mot-",
    "docomo",
    "kddi",
    "softbank",
    "vodafone",
    "j-phone",
    "symbian",
    "series60",
    "maui",
    "obigo",
    "netfront",
    "teleca",
    "lynx/",
    "links (",
    "elinks",
    "w3m/",
    "dillo",
    "netsurf",
    "mqqbrowser",
    "huawei",
    "zte",
    "alcatel",
    "sie-",
    "sagem",
    "philips",
    "panasonic",
    "sharp",
    "mobileexplorer",
    "dalvik",
    "juc",
    "jbrowser",
    "webkit",
    "gecko",
    "windows ce",
    "palm",
    "openwave",
    "[fb",
    "hbbtv",
    "roku",
    "mosaic",
    "icab",
    "konqueror",
    "flock",
    "xombrero",
    "amigavoyager",
    "appletv",
    "itunes/",
    "windows phone",
];
/// What says of phones, and of browsers in a terminal, which library they have.
const OLD_PHONES: [&str; 5] = ["midp", "cldc", "profile/", "up.browser", "lynx/"];
/// What draws pages, by names that agents have.
const ENGINES: [&str; 20] = [
    "firefox/",
    "chrome/",
    "safari/",
    "gecko",
    "applewebkit",
    "msie",
    "trident",
    "opera",
    "presto",
    "khtml",
    "konqueror",
    "netfront",
    "ibrowse",
    "icab",
    "omniweb",
    "blackberry",
    "symbian",
    "playstation",
    "nintendo",
    "netscape",
];
/// What really is "compatible": browsers of the time when that word meant something.
const COMPATIBLES: [&str; 12] =
    ["msie", "konqueror", "opera", "netpositive", "ibrowse", "icab", "omniweb", "galeon", "netfront", "avant", "linux", "windows"];

static OWN_WORDS: LazyLock<Words<VerdictReason>> = LazyLock::new(|| Words::in_any_case(OWN));
static LIBRARY: LazyLock<Words<()>> = LazyLock::new(|| plain(&LIBRARIES));
static STEM: LazyLock<Words<()>> = LazyLock::new(|| plain(&STEMS));
static OLD_BROWSER: LazyLock<Words<()>> = LazyLock::new(|| plain(&OLD_BROWSERS));
static OLD_PHONE: LazyLock<Words<()>> = LazyLock::new(|| plain(&OLD_PHONES));
static ENGINE: LazyLock<Words<()>> = LazyLock::new(|| plain(&ENGINES));
static LISTED: LazyLock<List> = LazyLock::new(|| List::read(LIST));

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
    if let Some(reason) = LISTED.reason(agent) {
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

/// The published list: nearly all of its patterns are plain texts.
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
