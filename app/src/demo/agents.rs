//! Who visits: real browsers with the complete headers each sends on a navigation, in its order,
//! and some machines.

use platform::Rng;

/// What a browser's headers follow.
#[derive(Clone, Copy, Debug)]
enum Engine {
    /// Client hints: brands, whether mobile, platform.
    Chromium {
        brands: &'static str,
        mobile: bool,
        platform: &'static str,
    },
    Firefox,
    Safari,
    /// A machine: its Accept header and nothing else.
    Machine(&'static str),
}

struct Agent {
    weight: u64,
    text: &'static str,
    engine: Engine,
}

const CHROME: &str = "\"Chromium\";v=\"139\", \"Google Chrome\";v=\"139\", \"Not;A=Brand\";v=\"99\"";
const EDGE: &str = "\"Chromium\";v=\"139\", \"Microsoft Edge\";v=\"139\", \"Not;A=Brand\";v=\"99\"";
const SAMSUNG: &str = "\"Chromium\";v=\"121\", \"Samsung Internet\";v=\"25.0\", \"Not A(Brand\";v=\"99\"";

const fn chromium(weight: u64, text: &'static str, brands: &'static str, mobile: bool, platform: &'static str) -> Agent {
    Agent { weight, text, engine: Engine::Chromium { brands, mobile, platform } }
}

const AGENTS: &[Agent] = &[
    chromium(
        26,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        CHROME,
        false,
        "\"Windows\"",
    ),
    chromium(
        10,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        CHROME,
        false,
        "\"macOS\"",
    ),
    chromium(
        18,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
        CHROME,
        true,
        "\"Android\"",
    ),
    chromium(
        3,
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        CHROME,
        false,
        "\"Linux\"",
    ),
    chromium(
        7,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
        EDGE,
        false,
        "\"Windows\"",
    ),
    chromium(
        4,
        "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
        SAMSUNG,
        true,
        "\"Android\"",
    ),
    chromium(
        2,
        "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        CHROME,
        false,
        "\"Android\"",
    ),
    Agent {
        weight: 16,
        text: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        engine: Engine::Safari,
    },
    Agent {
        weight: 6,
        text: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
        engine: Engine::Safari,
    },
    Agent {
        weight: 2,
        text: "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
        engine: Engine::Safari,
    },
    Agent { weight: 5, text: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0", engine: Engine::Firefox },
    Agent { weight: 3, text: "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0", engine: Engine::Firefox },
    Agent {
        weight: 3,
        text: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        engine: Engine::Machine("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    },
    Agent { weight: 3, text: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", engine: Engine::Machine("*/*") },
    Agent { weight: 2, text: "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", engine: Engine::Machine("*/*") },
    Agent { weight: 1, text: "curl/8.5.0", engine: Engine::Machine("*/*") },
];

const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const PLAIN: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[derive(Clone, Copy, Debug)]
pub(super) struct Agents;

impl Agents {
    /// The headers of one visit after `Host`.
    pub fn request(self, rng: &Rng, languages: &str, referrer: Option<&str>) -> Vec<(String, String)> {
        let mut left = rng.below(AGENTS.iter().map(|agent| agent.weight).sum());
        let agent = AGENTS.iter().find(|agent| {
            let here = left < agent.weight;
            left = left.saturating_sub(agent.weight);
            here
        });
        headers(agent.unwrap_or(&AGENTS[0]), languages, referrer)
    }
}

fn headers(agent: &Agent, languages: &str, referrer: Option<&str>) -> Vec<(String, String)> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    let site = if referrer.is_some() { "cross-site" } else { "none" };
    match agent.engine {
        Engine::Chromium { brands, mobile, platform } => {
            all.extend([("Connection", "keep-alive"), ("sec-ch-ua", brands), ("sec-ch-ua-mobile", if mobile { "?1" } else { "?0" })]);
            all.extend([
                ("sec-ch-ua-platform", platform),
                ("Upgrade-Insecure-Requests", "1"),
                ("User-Agent", agent.text),
                ("Accept", NAVIGATION),
            ]);
            all.extend([
                ("Sec-Fetch-Site", site),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-User", "?1"),
                ("Sec-Fetch-Dest", "document"),
            ]);
            all.extend(referrer.map(|referrer| ("Referer", referrer)));
            all.extend([("Accept-Encoding", "gzip, deflate, br, zstd"), ("Accept-Language", languages)]);
        }
        Engine::Firefox => {
            all.extend([
                ("User-Agent", agent.text),
                ("Accept", PLAIN),
                ("Accept-Language", languages),
                ("Accept-Encoding", "gzip, deflate, br, zstd"),
            ]);
            all.extend(referrer.map(|referrer| ("Referer", referrer)));
            all.extend([("Connection", "keep-alive"), ("Upgrade-Insecure-Requests", "1"), ("Sec-Fetch-Dest", "document")]);
            all.extend([("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", site), ("Sec-Fetch-User", "?1"), ("Priority", "u=0, i")]);
        }
        Engine::Safari => {
            all.extend([("Sec-Fetch-Dest", "document"), ("User-Agent", agent.text), ("Accept", PLAIN)]);
            all.extend(referrer.map(|referrer| ("Referer", referrer)));
            all.extend([("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"), ("Accept-Language", languages)]);
            all.extend([("Priority", "u=0, i"), ("Accept-Encoding", "gzip, deflate, br"), ("Connection", "keep-alive")]);
        }
        Engine::Machine(accept) => all.extend([("User-Agent", agent.text), ("Accept", accept)]),
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_browser_is_complete() {
        for agent in AGENTS {
            let headers = headers(agent, "de", Some("https://example.org/"));
            let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            assert_eq!(value("User-Agent"), Some(agent.text));
            if matches!(agent.engine, Engine::Machine(_)) {
                assert_eq!(value("Sec-Fetch-Mode"), None);
            } else {
                assert_eq!((value("Sec-Fetch-Mode"), value("Accept-Language")), (Some("navigate"), Some("de")), "{}", agent.text);
                assert_eq!((value("Referer"), value("Sec-Fetch-Site")), (Some("https://example.org/"), Some("cross-site")));
            }
            assert_eq!(matches!(agent.engine, Engine::Chromium { .. }), value("sec-ch-ua").is_some());
        }
    }
}
