//! The first rules of who clicked: what says of itself that it is a machine is one.

use domain::{Device, Method, Verdict, VerdictReason};

/// Parts of user agents of HTTP libraries and tools, lower case.
const LIBRARIES: [&str; 34] = [
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "python/",
    "aiohttp",
    "httpx",
    "scrapy",
    "go-http-client",
    "okhttp",
    "axios/",
    "node-fetch",
    "undici",
    "got (",
    "superagent",
    "java/",
    "apache-httpclient",
    "jakarta",
    "libwww-perl",
    "lwp::",
    "postmanruntime",
    "insomnia/",
    "httpie/",
    "guzzlehttp",
    "php/",
    "ruby",
    "faraday",
    "reqwest",
    "hyper/",
    "powershell",
    "winhttp",
    "libcurl",
    "dart:io",
    "oha/",
];
/// Words that crawlers and link previews call themselves by, lower case.
const CRAWLERS: [&str; 20] = [
    "bot/",
    "bot;",
    "bot ",
    "bot)",
    "bot-",
    "bot_",
    "crawler",
    "spider",
    "slurp",
    "facebookexternalhit",
    "preview",
    "embedly",
    "headless",
    "lighthouse",
    "pingdom",
    "uptime",
    "monitoring",
    "phantomjs",
    "validator",
    "whatsapp/",
];
/// What fetches a link to show a card of it where it was posted, by parts of user agents, lower
/// case. Search engines are not among them: they are to index the target.
const UNFURLERS: [&str; 17] = [
    "facebookexternalhit",
    "facebot",
    "twitterbot",
    "slackbot",
    "linkedinbot",
    "telegrambot",
    "discordbot",
    "skypeuripreview",
    "pinterestbot",
    "redditbot",
    "mastodon/",
    "bluesky cardyb",
    "embedly",
    "iframely",
    "vkshare",
    "microsoftpreview",
    "whatsapp/2",
];

/// Whether a user agent is that of a service that shows cards of links. Each of them is judged a
/// machine.
pub fn is_unfurler(user_agent: &str) -> bool {
    unfurls(&user_agent.to_ascii_lowercase())
}

fn unfurls(agent: &str) -> bool {
    UNFURLERS.iter().any(|unfurler| agent.contains(unfurler))
}

/// Phones whose makers' names end in "bot".
const PHONES: [&str; 2] = ["cubot", "hotbot phone"];

/// Of what says nothing else of itself a person is assumed.
pub fn judge(method: Method, user_agent: Option<&str>, device: Device) -> (Verdict, VerdictReason) {
    let Some(agent) = user_agent else { return (Verdict::Bot, VerdictReason::NoUserAgent) };
    if method == Method::Head {
        return (Verdict::Bot, VerdictReason::HeadRequest);
    }
    let mut agent = agent.to_ascii_lowercase();
    for phone in PHONES {
        agent = agent.replace(phone, "phone");
    }
    // A whole browser may run inside an app that names its library too.
    let is_browser = agent.starts_with("mozilla/5.0 (") && agent.contains("gecko");
    if !is_browser && LIBRARIES.iter().any(|library| agent.contains(library)) {
        return (Verdict::Bot, VerdictReason::HttpLibrary);
    }
    if device == Device::Bot || agent.ends_with("bot") || unfurls(&agent) || CRAWLERS.iter().any(|crawler| agent.contains(crawler)) {
        return (Verdict::Bot, VerdictReason::Crawler);
    }
    (Verdict::Human, VerdictReason::NoSignal)
}

#[cfg(test)]
mod tests {
    use super::super::agent::facts;
    use super::*;

    fn of(agent: &str) -> (Verdict, VerdictReason) {
        judge(Method::Get, Some(agent), facts(Some(agent)).device)
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
