//! What a user agent says of itself, by woothee, with corrections for what it does not know.

use domain::{Device, UserAgentFacts};
use woothee::parser::{Parser, WootheeResult};

const UNKNOWN: &str = "UNKNOWN";
/// Names that woothee gives to what is no browser.
const NO_BROWSERS: [&str; 3] = [UNKNOWN, "HTTP Library", "misc crawler"];

/// Browsers that name Chrome or Safari too, by the token that is theirs alone.
const BROWSERS: [(&str, &str); 12] = [
    ("SamsungBrowser/", "Samsung Internet"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("UCBrowser/", "UC Browser"),
];
/// Pages opened inside an app.
const APPS: [(&str, &str); 6] = [
    ("Instagram ", "Instagram"),
    ("FBAV/", "Facebook"),
    ("FB_IAB/", "Facebook"),
    ("Line/", "LINE"),
    ("MicroMessenger/", "WeChat"),
    ("TikTok ", "TikTok"),
];

/// Nothing is known of a visitor without one.
pub fn facts(user_agent: Option<&str>) -> UserAgentFacts {
    let Some(agent) = user_agent else {
        return UserAgentFacts { browser: None, browser_version: None, os: None, os_version: None, device: Device::Unknown };
    };
    let parsed = Parser::new().parse(agent);
    let (browser, browser_version) = browser(agent, parsed.as_ref());
    let (os, os_version) = system(agent, parsed.as_ref());
    UserAgentFacts { browser, browser_version, os, os_version, device: device(agent, parsed.as_ref()) }
}

fn browser(agent: &str, parsed: Option<&WootheeResult<'_>>) -> (Option<String>, Option<String>) {
    for (token, name) in APPS.iter().chain(&BROWSERS) {
        if let Some((_, rest)) = agent.split_once(token) {
            return (Some((*name).to_owned()), version(rest));
        }
    }
    let Some(parsed) = parsed.filter(|parsed| !NO_BROWSERS.contains(&parsed.name)) else { return (None, None) };
    (Some(parsed.name.to_owned()), known(parsed.version))
}

/// The version at the beginning of `text`.
fn version(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    known(text[..end].trim_matches('.'))
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty() && text != UNKNOWN).then(|| text.to_owned())
}

fn system(agent: &str, parsed: Option<&WootheeResult<'_>>) -> (Option<String>, Option<String>) {
    if agent.contains("CrOS ") {
        return (Some("ChromeOS".into()), None);
    }
    let Some(parsed) = parsed.filter(|parsed| parsed.os != UNKNOWN) else { return (None, None) };
    let name = match parsed.os {
        "Mac OSX" => "macOS",
        "iPhone" | "iPod" => "iOS",
        "iPad" => "iPadOS",
        // Browsers say "Windows NT 10.0" on 11 as well.
        windows if windows.starts_with("Windows") && !windows.contains("Phone") => "Windows",
        other => other,
    };
    (Some(name.to_owned()), known(&parsed.os_version))
}

fn device(agent: &str, parsed: Option<&WootheeResult<'_>>) -> Device {
    const TVS: [&str; 8] = ["SmartTV", "SMART-TV", "Smart TV", "AppleTV", "Apple TV", "GoogleTV", "BRAVIA", "AFT"];
    let has = |token: &str| agent.contains(token);
    match parsed.map(|parsed| parsed.category) {
        Some("crawler") => Device::Bot,
        _ if TVS.iter().any(|token| has(token)) || has("Web0S") || has("Tizen") && has("TV") => Device::Tv,
        _ if has("iPad") || has("Tablet") || has("Android") && !has("Mobile") => Device::Tablet,
        Some("smartphone" | "mobilephone") => Device::Mobile,
        Some("pc") => Device::Desktop,
        Some("appliance") => Device::Tv,
        _ if has("Mobile") => Device::Mobile,
        _ if has("X11") || has("Windows NT") || has("Macintosh") => Device::Desktop,
        _ => Device::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(agent: &str) -> (String, String, Device) {
        let facts = facts(Some(agent));
        (facts.browser.unwrap_or_default(), facts.os.unwrap_or_default(), facts.device)
    }

    #[test]
    fn common_browsers() {
        let cases = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome",
                "Windows",
                Device::Desktop,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87",
                "Edge",
                "Windows",
                Device::Desktop,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari",
                "macOS",
                Device::Desktop,
            ),
            ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox", "Linux", Device::Desktop),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari",
                "iOS",
                Device::Mobile,
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari",
                "iPadOS",
                Device::Tablet,
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
                "Samsung Internet",
                "Android",
                Device::Mobile,
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome",
                "Android",
                Device::Tablet,
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome",
                "ChromeOS",
                Device::Desktop,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 334.0.0.0",
                "Instagram",
                "iOS",
                Device::Mobile,
            ),
        ];
        for (agent, browser, os, device) in cases {
            assert_eq!(of(agent), (browser.to_owned(), os.to_owned(), device), "{agent}");
        }
    }

    #[test]
    fn versions_and_nonsense() {
        let edge = facts(Some(
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87",
        ));
        assert_eq!(edge.browser_version.as_deref(), Some("126.0.2592.87"));
        for agent in ["", "x", "💥", "Edg/", "Line/"] {
            let _ = facts(Some(agent));
        }
        assert_eq!(facts(None).device, Device::Unknown);
        assert_eq!(facts(Some("curl/8.5.0")).browser, None);
    }
}
