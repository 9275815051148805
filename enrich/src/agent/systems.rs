//! Which operating system.

use woothee::parser::WootheeResult;

use super::browsers::after;
use super::{known, version};

/// Systems that woothee does not know, or takes for what they are built on.
const SYSTEMS: [(&str, &str); 21] = [
    ("KAIOS/", "KaiOS"),
    ("OpenHarmony ", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("ArkWeb/", "HarmonyOS"),
    ("CrOS ", "ChromeOS"),
    ("Tizen", "Tizen"),
    ("Web0S", "webOS"),
    ("webOS", "webOS"),
    ("hpwOS", "webOS"),
    ("Roku", "Roku OS"),
    ("AppleTV", "tvOS"),
    ("tvOS", "tvOS"),
    ("watchOS", "watchOS"),
    ("PlayStation", "PlayStation"),
    ("PLAYSTATION", "PlayStation"),
    ("Xbox", "Xbox"),
    ("Nintendo", "Nintendo"),
    ("OculusBrowser", "Android"),
    ("Sailfish", "Sailfish OS"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
];

/// Versions of Windows by those of its kernel (Microsoft, "Operating System Version"). Of the last one
/// browsers say no more on 11 than on 10.
const WINDOWS: [(&str, &str); 8] = [
    ("NT 10.0", "10+"),
    ("NT 6.3", "8.1"),
    ("NT 6.2", "8"),
    ("NT 6.1", "7"),
    ("NT 6.0", "Vista"),
    ("NT 5.2", "XP"),
    ("NT 5.1", "XP"),
    ("NT 5.0", "2000"),
];

pub(super) fn system(agent: &str, parsed: Option<&WootheeResult<'_>>) -> (Option<String>, Option<String>) {
    for (token, name) in SYSTEMS {
        if let Some((_, rest)) = agent.split_once(token) {
            // ChromeOS names a processor there, a headset its browser's version.
            let version = if matches!(name, "ChromeOS" | "Android") { None } else { version(rest.trim_start_matches(['/', ' '])) };
            return (Some(name.to_owned()), version);
        }
    }
    if is_ipad_as_mac(agent) {
        return (Some("iPadOS".to_owned()), None);
    }
    if let Some(parsed) = parsed.filter(|parsed| parsed.os != "UNKNOWN") {
        let name = match parsed.os {
            "Mac OSX" => "macOS",
            "iPhone" | "iPod" => "iOS",
            "iPad" => "iPadOS",
            "Windows Phone OS" => "Windows Phone",
            windows if windows.starts_with("Windows") && !windows.contains("Phone") => "Windows",
            other => other,
        };
        let version = known(&parsed.os_version);
        let named = |version: String| {
            let known = WINDOWS.iter().find(|(kernel, _)| name == "Windows" && *kernel == version);
            known.map_or(version, |(_, name)| (*name).to_owned())
        };
        return (Some(name.to_owned()), version.map(named));
    }
    let named = [
        ("Windows NT", "Windows"),
        ("Android", "Android"),
        ("iPad", "iPadOS"),
        ("iPhone", "iOS"),
        ("iOS", "iOS"),
        ("Macintosh", "macOS"),
        ("X11", "Linux"),
        ("Linux", "Linux"),
    ];
    let name = named.iter().find(|(token, _)| agent.contains(token)).map(|(_, name)| *name);
    (name.map(str::to_owned), after(agent, "Android ").filter(|_| name == Some("Android")))
}

/// iPads ask for the pages of computers and call themselves one; "Mobile" is left where an app shows
/// the page, and other browsers than Safari name themselves as on a phone.
pub(super) fn is_ipad_as_mac(agent: &str) -> bool {
    agent.contains("(Macintosh") && [" Mobile/", "CriOS/", "FxiOS/", "EdgiOS/"].iter().any(|token| agent.contains(token))
}
