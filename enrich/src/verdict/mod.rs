//! Who clicked: a person, a machine, the workspace's own people; with the reason, the cheapest to tell
//! first. What says nothing else of itself is taken for a person.

mod headers;
pub(crate) mod machines;
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
        let is_own = match &click.address {
            Address::Full(ip) => {
                let ip = ip.to_canonical();
                privacy.own_networks.iter().any(|network| network.contains(&ip))
            }
            Address::Unknown | Address::Reduced(_) => false,
        };
        let is_own = is_own || signals.has(SignalSet::IGNORED);
        Self { signals, is_own, above_rate: click.above_rate, ..Self::of_request(click.method, click.user_agent.as_deref()) }
    }

    /// What was seen of a stored click by its address or its neighbours is known by its verdict only.
    pub fn of_stored(click: &'a Click) -> Self {
        let user_agent = match &click.user_agent {
            Some(agent) => UserAgent::Is(agent),
            None if click.verdict_reason == VerdictReason::NoUserAgent => UserAgent::Absent,
            None => UserAgent::NotKept,
        };
        let is_own = click.verdict == Verdict::Internal || click.signals.has(SignalSet::IGNORED);
        let above_rate = click.verdict_reason == VerdictReason::Rate;
        Self { method: click.method, user_agent, signals: click.signals, is_own, above_rate }
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
mod tests {
    use super::*;

    fn of(agent: &str) -> (Verdict, VerdictReason) {
        judge(&Evidence::of_request(Method::Get, Some(agent))).unwrap()
    }

    #[test]
    fn machines_that_say_so() {
        for agent in [
            "curl/8.5.0",
            "Wget/1.21",
            "python-requests/2.31",
            "Go-http-client/2.0",
            "okhttp/4.12.0",
            "axios/1.6",
            "Java/17",
            "libwww-perl/6",
        ] {
            assert_eq!(of(agent), (Verdict::Bot, VerdictReason::HttpLibrary), "{agent}");
        }
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "WhatsApp/2.23.20.0",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
            "TelegramBot (like TwitterBot)",
        ] {
            assert_eq!(of(agent), (Verdict::Bot, VerdictReason::Crawler), "{agent}");
        }
        assert_eq!(judge(Method::Get, None, Device::Unknown), (Verdict::Bot, VerdictReason::NoUserAgent));
        assert_eq!(judge(Method::Head, Some("Mozilla/5.0"), Device::Unknown), (Verdict::Bot, VerdictReason::HeadRequest));
    }

    #[test]
    fn services_that_show_cards_are_machines_and_search_engines_are_none_of_them() {
        for agent in [
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "WhatsApp/2.23.20.0",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
            "Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.example/)",
        ] {
            assert!(is_unfurler(agent) && of(agent).0 == Verdict::Bot, "{agent}");
        }
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0)",
            "curl/8.5.0",
        ] {
            assert!(!is_unfurler(agent), "{agent}");
        }
    }

    #[test]
    fn people_even_in_odd_browsers() {
        for agent in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 334.0.0.0",
            "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        ] {
            assert_eq!(of(agent), (Verdict::Human, VerdictReason::NoSignal), "{agent}");
        }
    }
}
