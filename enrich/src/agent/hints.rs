//! User-Agent Client Hints (WICG), by which browsers on Chromium say what their user agent no longer
//! does: who they are, and the version of the system.

use domain::SignalSet;
use domain::{ClientHints, Device, Signals, UserAgentFacts};

use super::version;

/// Brands that are more than "Chromium", the most telling first.
const BRANDS: [(&str, &str); 15] = [
    ("Brave", "Brave"),
    ("Opera GX", "Opera GX"),
    ("OperaMobile", "Opera"),
    ("Opera", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("YaBrowser", "Yandex Browser"),
    ("Yandex", "Yandex Browser"),
    ("Samsung Internet", "Samsung Internet"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Whale", "Whale"),
    ("Microsoft Edge WebView2", "Edge WebView"),
    ("Microsoft Edge", "Edge"),
    ("Android WebView", "Android WebView"),
    ("Google Chrome", "Chrome"),
    ("Chromium", "Chromium"),
];

/// The longest list of brands that is read, in bytes.
const MAX_BRANDS: usize = 1024;

/// Puts what the hints know better into what the user agent says.
pub(super) fn refine(facts: &mut UserAgentFacts, signals: &Signals, is_app: bool) {
    if facts.device == Device::Bot {
        return;
    }
    let Some(hints) = signals.hints.as_deref() else { return };
    if !is_app {
        refine_browser(facts, hints);
    }
    refine_system(facts, hints);
    let is_mobile = signals.set.has(SignalSet::MOBILE);
    let is_android = facts.os.as_deref() == Some("Android");
    facts.device = match facts.device {
        // A phone or tablet that asks for the pages of computers.
        Device::Desktop | Device::Unknown if is_android => {
            if is_mobile {
                Device::Mobile
            } else {
                Device::Tablet
            }
        }
        Device::Unknown if is_mobile => Device::Mobile,
        device => device,
    };
}

fn refine_browser(facts: &mut UserAgentFacts, hints: &ClientHints) {
    let Some((name, full)) = hints.brands.as_deref().and_then(best_brand) else { return };
    let is_same = facts.browser.as_deref() == Some(name);
    // The bare engine says less than a user agent that names its browser.
    if !is_same && matches!(name, "Chromium" | "Chrome") && facts.browser.as_deref().is_some_and(|known| known != "Chrome") {
        return;
    }
    let is_fuller = full.as_deref().is_some_and(|full| full.contains('.'));
    if !is_same || facts.browser_version.is_none() || is_fuller {
        facts.browser_version = full;
    }
    facts.browser = Some(name.to_owned());
}

/// The most telling of the brands, with its version.
fn best_brand(list: &str) -> Option<(&'static str, Option<String>)> {
    let list = list.get(..MAX_BRANDS).unwrap_or(list);
    let of = |text: &str| BRANDS.iter().position(|(brand, _)| *brand == text);
    let named = brands(list).filter_map(|(name, version)| Some((of(name)?, version)));
    let (index, text) = named.min_by_key(|(index, _)| *index)?;
    Some((BRANDS[index].1, version(text)))
}

/// The names and versions of a list such as `"Chromium";v="124", "Not-A.Brand";v="99"` (Structured
/// Field Values, RFC 8941).
fn brands(list: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut quoted = list.split('"').skip(1).step_by(2);
    std::iter::from_fn(move || Some((quoted.next()?, quoted.next().unwrap_or_default())))
}

fn refine_system(facts: &mut UserAgentFacts, hints: &ClientHints) {
    let bare = |text: &Option<String>| text.as_deref().map(|text| text.trim().trim_matches('"').to_owned());
    let Some(platform) = bare(&hints.platform) else { return };
    let name = match platform.as_str() {
        "Windows" => "Windows",
        "macOS" | "Mac OS X" => "macOS",
        "Android" => "Android",
        "Chrome OS" | "Chromium OS" | "ChromeOS" => "ChromeOS",
        "Linux" => "Linux",
        "iOS" => "iOS",
        _ => return,
    };
    // Systems that are built on what the hint says.
    let is_built_on = matches!(facts.os.as_deref(), Some("HarmonyOS" | "Tizen" | "webOS" | "KaiOS" | "iPadOS" | "Xbox"));
    if is_built_on {
        return;
    }
    if facts.os.as_deref() != Some(name) {
        (facts.os, facts.os_version) = (Some(name.to_owned()), None);
    }
    if let Some(version) = bare(&hints.platform_version).and_then(|text| version(&text)) {
        facts.os_version = if name == "Windows" { windows(&version) } else { Some(version) };
    }
}

/// The version of Windows by Sec-CH-UA-Platform-Version (Microsoft, "Detect Windows 11 using User-Agent
/// Client Hints"): from 13 on 11, from 1 to 10 Windows 10, below that 7 to 8.1.
fn windows(version: &str) -> Option<String> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let name = match (parts.next()??, parts.next().flatten().unwrap_or_default()) {
        (0, 1) => "7",
        (0, 2) => "8",
        (0, 3) => "8.1",
        (0, _) => return None,
        (1..13, _) => "10",
        _ => "11",
    };
    Some(name.to_owned())
}
