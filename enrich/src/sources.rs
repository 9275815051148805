//! Where a visitor came from: the channel, by the table in `data/sources.tsv`.
//!
//! In this order: a scanned code; a parameter by which a service follows its clicks; what the link's
//! author wrote in the campaign fields; the referrer; the app whose browser it is. Any campaign field that
//! says nothing else is a campaign, any referrer that is not in the table a referral.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::{CapturedClick, Channel, Click, SignalSet, Utm, meant_name, parameter_names};

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../data/sources.tsv")));

/// Apps of social networks whose browsers send no referrer.
const SOCIAL_APPS: [&str; 14] = [
    "Facebook",
    "Instagram",
    "LINE",
    "LinkedIn",
    "Messenger",
    "Pinterest",
    "Reddit",
    "Snapchat",
    "Telegram",
    "Threads",
    "TikTok",
    "VK",
    "WeChat",
    "X",
];

#[derive(Debug, Default)]
struct Table {
    hosts: HashMap<&'static str, Channel>,
    /// Names under any top-level domain.
    names: HashMap<&'static str, Channel>,
    parameters: HashMap<&'static str, Channel>,
    mediums: HashMap<&'static str, Channel>,
}

impl Table {
    /// Lines that are none are left out; a test holds that there are none.
    fn read(text: &'static str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (Some(kind), Some(name), Some(channel)) = (fields.next(), fields.next(), fields.next().and_then(channel_named)) else {
                continue;
            };
            match (kind, name.strip_suffix(".*")) {
                ("host", Some(name)) => table.names.insert(name, channel),
                ("host", None) => table.hosts.insert(name, channel),
                ("parameter", _) => table.parameters.insert(name, channel),
                ("medium", _) => table.mediums.insert(name, channel),
                _ => None,
            };
        }
        table
    }

    /// The channel of a host or of what it lies below.
    fn of_host(&self, host: &str) -> Option<Channel> {
        let mut rest = host;
        loop {
            if let Some(channel) = self.hosts.get(rest).or_else(|| self.names.get(name_of(rest)?)) {
                return Some(*channel);
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// The channel of a source as authors write it: a word, a host, or the name of a social network.
    fn of_source(&self, source: &str) -> Option<Channel> {
        if let Some(channel) = self.mediums.get(source) {
            return Some(*channel);
        }
        if source.contains('.') {
            return self.of_host(source);
        }
        self.of_host(&format!("{source}.com")).filter(|channel| *channel == Channel::Social)
    }
}

/// The name in front of a top-level domain, or of one with a short second level (`google.co.uk`).
fn name_of(host: &str) -> Option<&str> {
    let (name, suffix) = host.split_once('.')?;
    let is_suffix = match suffix.split_once('.') {
        None => true,
        Some((second, top)) => second.len() <= 3 && top.len() == 2,
    };
    is_suffix.then_some(name)
}

fn channel_named(name: &str) -> Option<Channel> {
    Channel::ALL.iter().copied().find(|channel| channel.name().eq_ignore_ascii_case(name))
}

/// Whether a parameter of that name follows one click: its value is not kept.
pub(crate) fn is_click_id(name: &str) -> bool {
    of_parameter(name).is_some()
}

fn of_parameter(name: &str) -> Option<Channel> {
    lower(meant_name(name), |name| TABLE.parameters.get(name).copied())
}

/// `followed` is what a parameter says by which a service follows its clicks.
pub(crate) fn channel(utm: &Utm, followed: Option<Channel>, referrer_host: Option<&str>, browser: Option<&str>) -> Channel {
    told(utm, || followed, referrer_host, browser)
}

/// The channel of a stored click. Of what follows clicks it keeps nothing but the channel that it said.
pub(crate) fn channel_anew(click: &Click, browser: Option<&str>) -> Channel {
    let said = click.channel.filter(|_| click.signals.has(SignalSet::CLICK_ID));
    told(&click.utm, || said, click.referrer_host.as_deref(), browser)
}

/// What the first parameter says by which a service follows its clicks: of the short URL, and of the target where that
/// is the visitor's as well. Those of a link's own target say nothing of who opened it.
pub(crate) fn followed(click: &CapturedClick) -> Option<Channel> {
    let of_url = |url| parameter_names(url).find_map(|name| of_parameter(&name));
    of_url(&click.url).or_else(|| of_url(&click.target).filter(|_| click.is_logged()))
}

fn told(utm: &Utm, followed: impl Fn() -> Option<Channel>, referrer_host: Option<&str>, browser: Option<&str>) -> Channel {
    let table = &*TABLE;
    let referred = || referrer_host.map(|host| table.of_host(host).unwrap_or(Channel::Referral));
    let in_app = || browser.filter(|browser| SOCIAL_APPS.contains(browser)).map(|_| Channel::Social);
    campaign(table, utm, followed).or_else(referred).or_else(in_app).unwrap_or(Channel::Direct)
}

fn campaign(table: &Table, utm: &Utm, followed: impl Fn() -> Option<Channel>) -> Option<Channel> {
    let source = |source: &String| lower(source, |source| table.of_source(source));
    let medium = utm.medium.as_ref().and_then(|medium| lower(medium, |medium| table.mediums.get(medium).copied()));
    let source = utm.source.as_ref().and_then(source);
    if source == Some(Channel::Qr) || medium == Some(Channel::Qr) {
        return Some(Channel::Qr);
    }
    // A medium that is in no table, such as cpc or banner, is a campaign's, whatever the source is called.
    let written = medium.or_else(|| source.filter(|_| utm.medium.is_none()));
    let has_any = utm.pairs().next().is_some();
    written.or_else(followed).or(has_any.then_some(Channel::Campaign))
}

/// Asks for a text in lower case, without a copy where it is already.
fn lower<T>(text: &str, ask: impl Fn(&str) -> T) -> T {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { ask(&text.to_ascii_lowercase()) } else { ask(text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::{captured, logged};

    fn of_click(click: &CapturedClick, referrer: Option<&str>) -> Channel {
        let (utm, _) = domain::parse_utm(&click.url, &click.target);
        let host = referrer.and_then(domain::referrer_host);
        channel(&utm, followed(click), host.as_deref(), None)
    }

    fn of(requested: &str, referrer: Option<&str>) -> Channel {
        of_click(&CapturedClick { url: format!("https://go.example/a?{requested}"), ..captured() }, referrer)
    }

    #[test]
    fn every_line_of_the_table_is_read_once() {
        let lines = include_str!("../data/sources.tsv").lines().filter(|line| !line.starts_with('#'));
        let Table { hosts, names, parameters, mediums } = &*TABLE;
        assert_eq!(hosts.len() + names.len() + parameters.len() + mediums.len(), lines.count());
        assert!(hosts.keys().chain(parameters.keys()).all(|name| *name == name.to_lowercase()));
    }

    #[test]
    fn referrers_by_their_host_and_what_it_lies_below() {
        let cases = [
            ("https://www.google.com/", Channel::Search),
            ("https://www.google.co.uk/search", Channel::Search),
            ("https://news.google.de/", Channel::Search),
            ("https://gemini.google.com/app", Channel::Ai),
            ("https://mail.google.com/mail/u/0/", Channel::Email),
            ("android-app://com.google.android.gm/", Channel::Email),
            ("https://old.reddit.com/r/rust", Channel::Social),
            ("https://t.co/abc", Channel::Social),
            ("https://chatgpt.com/", Channel::Ai),
            ("https://blog.example.com/post", Channel::Referral),
            ("https://google.evil.example.com/", Channel::Referral),
            ("https://notgoogle.com/", Channel::Referral),
        ];
        for (referrer, channel) in cases {
            assert_eq!(of("", Some(referrer)), channel, "{referrer}");
        }
        assert_eq!(of("", None), Channel::Direct);
    }

    #[test]
    fn what_the_links_author_wrote_goes_before_the_referrer() {
        let google = Some("https://www.google.com/");
        let cases = [
            ("utm_source=news&utm_medium=Email", Channel::Email),
            ("utm_source=facebook.com&utm_medium=social", Channel::Social),
            ("utm_source=google&utm_medium=cpc", Channel::Campaign),
            ("utm_campaign=spring", Channel::Campaign),
            ("utm_source=chatgpt.com", Channel::Ai),
            ("utm_source=google.com", Channel::Search),
            ("utm_source=Facebook", Channel::Social),
            ("utm_source=facebook&utm_medium=cpc", Channel::Campaign),
            ("utm_source=partner&utm_medium=paid-social", Channel::Social),
            ("utm_source=google", Channel::Campaign),
            ("utm_source=example", Channel::Campaign),
            ("utm_source=newsletter", Channel::Email),
            ("qr=1", Channel::Qr),
            ("utm_source=flyer&utm_medium=qr", Channel::Qr),
            ("gclid=x", Channel::Campaign),
            ("FBCLID=x", Channel::Social),
            ("mc_eid=x", Channel::Email),
            ("utm_medium=email&gclid=x", Channel::Email),
            ("ref=7", Channel::Search),
            // As some mail programs make of links.
            ("a=1&amp;fbclid=x", Channel::Social),
            ("+FBclid%20=x", Channel::Social),
            ("a=1&amp;utm_medium=email", Channel::Email),
            // A value, by the URL standard.
            ("a=1;fbclid=x", Channel::Search),
        ];
        for (query, channel) in cases {
            assert_eq!(of(query, google), channel, "{query}");
        }
        let long: String = (0..40).map(|number| format!("k{number}=v&")).collect();
        assert_eq!(of(&format!("{long}fbclid=x"), google), Channel::Social);
    }

    #[test]
    fn targets_tell_of_the_visitor_where_they_are_no_links() {
        let target = |click| CapturedClick { target: "https://example.com/?amp;fbclid=x".into(), ..click };
        assert_eq!(of_click(&target(logged()), None), Channel::Social);
        assert_eq!(of_click(&target(captured()), None), Channel::Direct);
        let both = CapturedClick { url: "http://x/r?mc_eid=x".into(), ..target(logged()) };
        assert_eq!(of_click(&both, None), Channel::Email);
    }

    #[test]
    fn browsers_of_social_apps_send_no_referrer() {
        let of = |browser| channel(&Utm::default(), None, None, browser);
        assert_eq!(of(Some("Chrome")), Channel::Direct);
        // By the names that these browsers are told by.
        for app in SOCIAL_APPS {
            assert_eq!(of(Some(app)), Channel::Social);
            assert!(crate::agent::is_app(app), "{app} is none that is told");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_channel(query in ".{0,80}", referrer in ".{0,80}") {
            let click = CapturedClick { url: format!("https://go.example/a?{query}"), target: referrer.clone(), ..logged() };
            let (utm, _) = domain::parse_utm(&click.url, &click.target);
            let _ = channel(&utm, followed(&click), domain::referrer_host(&referrer).as_deref(), Some(&query));
            let _ = channel(&utm, followed(&click), Some(&referrer), None);
        }
    }
}
