//! Which class of device. Consoles at a television are televisions, those in a hand are phones.

use std::sync::LazyLock;

use domain::Device;
use woothee::parser::WootheeResult;

use super::systems::is_ipad_as_mac;
use super::words::{Words, begins_word, ends_word};

const TVS: [&str; 44] = [
    "SmartTV",
    "SMART-TV",
    "Smart-TV",
    "Smart TV",
    "SMART_TV",
    "smart_tv",
    "AppleTV",
    "Apple TV",
    "tvOS",
    "GoogleTV",
    "Google TV",
    "Android TV",
    "AndroidTV",
    "BRAVIA",
    "Web0S",
    "HbbTV",
    "NetCast",
    "NETTV",
    "Roku",
    "CrKey",
    "Chromecast",
    "AFT",
    "MiTV",
    "MIBOX",
    "MiBOX",
    "TV BOX",
    "TV Box",
    "TVBox",
    "Opera TV",
    "OPR TV",
    "VIERA",
    "Viera",
    "AQUOS",
    "DTV",
    "InettvBrowser",
    "PhilipsTV",
    "PlayStation 3",
    "PLAYSTATION 3",
    "PlayStation 4",
    "PlayStation 5",
    "Xbox",
    "Nintendo Switch",
    "Nintendo WiiU",
    "Nintendo Wii",
];
static TV: LazyLock<Words<()>> = LazyLock::new(|| Words::new(TVS.map(|word| (word, ()))));

const PHONES: [&str; 17] = [
    "iPhone",
    "iPod",
    "Windows Phone",
    "IEMobile",
    "BlackBerry",
    "BB10",
    "KAIOS",
    "Opera Mini",
    "Opera Mobi",
    "Symbian",
    "Series60",
    "MIDP",
    "PlayStation Vita",
    "PlayStation Portable",
    "Nintendo 3DS",
    "UCWEB",
    "Watch OS",
];
static PHONE: LazyLock<Words<()>> = LazyLock::new(|| Words::new(PHONES.map(|word| (word, ()))));

const TABLETS: [&str; 12] =
    ["iPad", "Tablet", "tablet", "Kindle", "PlayBook", "TouchPad", "SM-T", "SM-X", "SM-P", "Lenovo TB", "KFMAWI", "Nexus 7"];
static TABLET: LazyLock<Words<()>> = LazyLock::new(|| Words::new(TABLETS.map(|word| (word, ()))));

pub(super) fn device(agent: &str, parsed: Option<&WootheeResult<'_>>) -> Device {
    let has = |token: &str| agent.contains(token);
    let is_android = has("Android") && !has("Windows Phone");
    match parsed.map(|parsed| parsed.category) {
        Some("crawler") => Device::Bot,
        _ if is_tv(agent) => Device::Tv,
        _ if has("Tablet PC") => Device::Desktop,
        _ if TABLET.first(agent, |found| begins_word(agent, found.start)).is_some() || is_ipad_as_mac(agent) => Device::Tablet,
        _ if PHONE.any(agent) => Device::Mobile,
        // A phone says "Mobile", a tablet does not (Chrome for Android); so do apps that show no page.
        _ if is_android && !has("Mobile") && has("AppleWebKit") && !has("CrOS") && !has("UCBrowser") => Device::Tablet,
        _ if is_android => Device::Mobile,
        Some("smartphone" | "mobilephone") => Device::Mobile,
        Some("pc") => Device::Desktop,
        Some("appliance") => Device::Tv,
        _ if has("Mobile") => Device::Mobile,
        _ if has("X11") || has("Windows NT") || has("Macintosh") || has("CrOS") => Device::Desktop,
        _ => Device::Unknown,
    }
}

fn is_tv(agent: &str) -> bool {
    let named = |found: &super::words::Found<()>| {
        let word = &agent[found.start..found.end];
        match word {
            // A Fire TV's model, such as AFTSSS; "After" and "AQUOS sense" (a phone) are none.
            "AFT" => begins_word(agent, found.start) && agent[found.end..].starts_with(|c: char| c.is_ascii_uppercase()),
            "AQUOS" => agent[found.end..].starts_with("Browser") || agent[found.end..].starts_with("TV"),
            _ => true,
        }
    };
    if TV.first(agent, named).is_some() {
        return true;
    }
    let says_tv = || agent.match_indices("TV").any(|(at, _)| begins_word(agent, at) && ends_word(agent, at + 2));
    (agent.contains("Tizen") || agent.contains("Android") || agent.contains("Linux")) && says_tv()
}
