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
    let list = &list[..list.floor_char_boundary(MAX_BRANDS)];
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn of_a_long_list_the_beginning_is_read_wherever_it_is_cut() {
        for begin in ["", "a"] {
            let long = format!("{begin}{}\"Opera\";v=\"1\"", "ä".repeat(MAX_BRANDS));
            assert_eq!(best_brand(&long), None);
        }
    }

    proptest! {
        /// Among brands that nobody knows, in any order.
        #[test]
        fn the_most_telling_brand_is_found_with_its_version(
            known in vec((0..BRANDS.len(), 1..200_u32), 0..4), unknown in vec("[A-Za-z ;=()?]{0,12}", 0..4), turn in 0..8_usize,
        ) {
            let mut list: Vec<(&str, u32)> = known.iter().map(|(index, version)| (BRANDS[*index].0, *version)).collect();
            list.extend(unknown.iter().filter(|name| !BRANDS.iter().any(|(brand, _)| brand == name)).map(|name| (name.as_str(), 99)));
            let middle = turn.checked_rem(list.len()).unwrap_or_default();
            list.rotate_left(middle);
            let text = list.iter().map(|(name, version)| format!("\"{name}\";v=\"{version}\"")).collect::<Vec<_>>().join(", ");
            let wanted = BRANDS.iter().find_map(|(brand, name)| {
                let (_, version) = list.iter().find(|(known, _)| known == brand)?;
                Some((*name, Some(version.to_string())))
            });
            prop_assert_eq!(best_brand(&text), wanted, "{}", text);
        }

        #[test]
        fn any_list_is_read(list in ".{0,60}", quoted in select(vec!["ä", "\"", "\"Brave\";v=\""]), times in 0..1_200_usize) {
            for text in [&list, &format!("{list}{}", quoted.repeat(times))] {
                let version = best_brand(text).and_then(|(_, version)| version);
                prop_assert!(version.is_none_or(|version| !version.is_empty() && version.len() <= 64));
            }
        }
    }
}
