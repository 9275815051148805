//! Lists of user agents in the form of `scripts/corpora`, and how many of them are taken for what they
//! are.

use domain::{Device, Method, UserAgentFacts, Verdict};
use enrich::{Evidence, agent_facts, judge};

/// How many of how many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    pub of: usize,
    pub right: usize,
}

impl Share {
    fn count(&mut self, right: bool) {
        self.of += 1;
        self.right += usize::from(right);
    }

    pub fn percent(self) -> f64 {
        100.0 * self.right as f64 / self.of.max(1) as f64
    }
}

/// Those of a list, one a line, that are judged to be no person: caught crawlers, accused browsers.
pub fn not_people(list: &str, mut each: impl FnMut(&str, bool)) -> Share {
    let mut share = Share::default();
    for agent in list.lines() {
        let verdict = judge(&Evidence::of_request(Method::Get, Some(agent))).map(|(verdict, _)| verdict);
        share.count(verdict != Some(Verdict::Human));
        each(agent, verdict != Some(Verdict::Human));
    }
    share
}

/// How far browser, system and device are told as the list tells them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Families {
    pub browser: Share,
    pub system: Share,
    pub device: Share,
    /// Lines that name a browser, a system or a device that is none of ours: crawlers, libraries, mail
    /// programs, apps, and browsers that nobody has any more.
    pub skipped: usize,
}

pub fn families(list: &str, mut wrong: impl FnMut(&str, &str, &str)) -> Families {
    let mut told = Families::default();
    for line in list.lines() {
        let mut fields = line.splitn(4, '\t');
        let (Some(browser), Some(system), Some(device), Some(agent)) = (fields.next(), fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let facts = agent_facts(Some(agent));
        let mut check = |share: &mut Share, expected: Option<&str>, found: &str| match expected {
            Some(expected) => {
                let right = expected.split('|').any(|name| name == found);
                share.count(right);
                if !right {
                    wrong(expected, found, agent);
                }
            }
            None => told.skipped += 1,
        };
        let UserAgentFacts { browser: our_browser, os, .. } = &facts;
        if !browser.is_empty() {
            check(&mut told.browser, browser_named(browser), our_browser.as_deref().unwrap_or("none"));
        }
        if !system.is_empty() {
            check(&mut told.system, system_named(system), os.as_deref().unwrap_or("none"));
        }
        if !device.is_empty() {
            check(&mut told.device, Some(device), device_named(facts.device));
        }
    }
    told
}

fn device_named(device: Device) -> &'static str {
    match device {
        Device::Desktop => "desktop",
        Device::Mobile => "mobile",
        Device::Tablet => "tablet",
        Device::Tv => "tv",
        Device::Bot => "bot",
        Device::Unknown => "unknown",
    }
}

/// Our name of a browser of uap-core's, several where it tells apart less.
fn browser_named(name: &str) -> Option<&str> {
    Some(match name {
        "Chrome" | "Chrome Mobile" | "Chrome Mobile iOS" => "Chrome",
        "Chrome Mobile WebView" => "Android WebView",
        "Safari" | "Mobile Safari" => "Safari",
        "Mobile Safari UI/WKWebView" => "iOS WebView",
        "Firefox" | "Firefox Mobile" | "Firefox iOS" | "Firefox Beta" | "Firefox Alpha" => "Firefox",
        "Edge" | "Edge Mobile" => "Edge",
        "Opera" | "Opera Mobile" | "Opera Tablet" | "Opera Coast" => "Opera",
        "IE" | "IE Mobile" => "Internet Explorer",
        "Facebook" => "Facebook",
        "Facebook Messenger" => "Messenger",
        "Twitter" => "X",
        "Google" => "Google App",
        "Amazon Silk" => "Amazon Silk",
        "DuckDuckGo Mobile" | "DuckDuckGo" => "DuckDuckGo",
        "QQ Browser" | "QQ Browser Mobile" | "QQ Browser Mini" => "QQ Browser",
        "Baidu Browser" | "Baidu Explorer" => "Baidu Browser",
        "Aloha Browser" => "Aloha",
        "Seznam prohlížeč" => "Seznam",
        "Oculus Browser" => "Meta Quest Browser",
        "QtCarBrowser" => "Tesla",
        "Instagram"
        | "LINE"
        | "Snapchat"
        | "Pinterest"
        | "LinkedIn"
        | "WeChat"
        | "Flipboard"
        | "KakaoTalk"
        | "TikTok"
        | "Threads"
        | "Opera Mini"
        | "Opera GX"
        | "Opera Touch"
        | "Samsung Internet"
        | "Vivaldi"
        | "Brave"
        | "Yandex Browser"
        | "UC Browser"
        | "Puffin"
        | "Whale"
        | "Maxthon"
        | "Dolphin"
        | "Coc Coc"
        | "Iron"
        | "Epiphany"
        | "QupZilla"
        | "Midori"
        | "Konqueror"
        | "Otter"
        | "Sleipnir"
        | "SeaMonkey"
        | "Pale Moon"
        | "Waterfox"
        | "K-Meleon"
        | "IceCat"
        | "Camino"
        | "Ladybird"
        | "Chromium"
        | "Avast Secure Browser"
        | "Ecosia" => name,
        _ => return None,
    })
}

/// Our name of a system of uap-core's.
fn system_named(name: &str) -> Option<&str> {
    Some(match name {
        "Mac OS X" | "Mac OS" => "macOS",
        "iOS" => "iOS|iPadOS",
        "Windows" => "Windows",
        "Android" => "Android",
        "Chrome OS" => "ChromeOS",
        "Linux" | "Ubuntu" | "Debian" | "Fedora" | "Red Hat" | "Gentoo" | "Mandriva" => "Linux",
        "Tizen" | "KaiOS" | "FreeBSD" | "OpenBSD" | "Windows Phone" => name,
        "Web0S" | "webOS" => "webOS",
        "Roku" => "Roku OS",
        "tvOS" | "ATV OS X" => "tvOS",
        "WatchOS" => "watchOS",
        "HarmonyOS" => "HarmonyOS",
        "Sailfish" => "Sailfish OS",
        _ => return None,
    })
}
