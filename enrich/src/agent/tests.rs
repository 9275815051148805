use domain::{ClientHints, SignalSet};
use proptest::prelude::*;

use super::*;

fn of(agent: &str) -> (String, String, Device) {
    let facts = facts(Some(agent));
    (facts.browser.unwrap_or_default(), facts.os.unwrap_or_default(), facts.device)
}

/// Agents as browsers and apps send them, by what is expected of each.
const CASES: &[(&str, &str, &str, Device)] = &[
    (
        "Chrome",
        "Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        Device::Desktop,
    ),
    (
        "Edge",
        "Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87",
        Device::Desktop,
    ),
    (
        "Opera",
        "Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 OPR/112.0.0.0",
        Device::Desktop,
    ),
    (
        "Opera GX",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1 OPX/2.6.0",
        Device::Mobile,
    ),
    (
        "Opera Touch",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.6.0",
        Device::Mobile,
    ),
    ("Opera Mini", "Android", "Opera/9.80 (Android; Opera Mini/75.0.2254/191.303; U; en) Presto/2.12.423 Version/12.16", Device::Mobile),
    (
        "Safari",
        "macOS",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        Device::Desktop,
    ),
    ("Firefox", "Linux", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", Device::Desktop),
    (
        "Safari",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        Device::Mobile,
    ),
    (
        "Safari",
        "iPadOS",
        "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        Device::Tablet,
    ),
    (
        "Instagram",
        "iPadOS",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 334.0.0.0",
        Device::Tablet,
    ),
    (
        "Samsung Internet",
        "Android",
        "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
        Device::Mobile,
    ),
    (
        "Chrome",
        "Android",
        "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        Device::Tablet,
    ),
    (
        "Chrome",
        "ChromeOS",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        Device::Desktop,
    ),
    (
        "DuckDuckGo",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
        Device::Mobile,
    ),
    (
        "Vivaldi",
        "Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Vivaldi/6.8.3381.44",
        Device::Desktop,
    ),
    (
        "Yandex Browser",
        "Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36",
        Device::Desktop,
    ),
    (
        "Instagram",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 334.0.0.0",
        Device::Mobile,
    ),
    (
        "Facebook",
        "Android",
        "Mozilla/5.0 (Linux; Android 14; SM-S921B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/470.0.0.39.107;]",
        Device::Mobile,
    ),
    (
        "Messenger",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F79 [FBAN/MessengerForiOS;FBAV/461.0.0.41.104]",
        Device::Mobile,
    ),
    (
        "TikTok",
        "Android",
        "Mozilla/5.0 (Linux; Android 13; M2101K6G Build/TKQ1; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 trill_350103 BytedanceWebview/d8a21c6",
        Device::Mobile,
    ),
    (
        "TikTok",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 musical_ly_35.1.0 BytedanceWebview/d8a21c6",
        Device::Mobile,
    ),
    (
        "LINE",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/14.9.0",
        Device::Mobile,
    ),
    (
        "WeChat",
        "Android",
        "Mozilla/5.0 (Linux; Android 13; V2183A Build/TP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.49.2600(0x2800313D)",
        Device::Mobile,
    ),
    (
        "Snapchat",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Snapchat/12.94.0.30",
        Device::Mobile,
    ),
    (
        "Pinterest",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [Pinterest/iOS]",
        Device::Mobile,
    ),
    (
        "LinkedIn",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.29.7363",
        Device::Mobile,
    ),
    (
        "X",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Twitter for iPhone/10.44",
        Device::Mobile,
    ),
    (
        "Google App",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/322.0.646 Mobile/15E148 Safari/604.1",
        Device::Mobile,
    ),
    (
        "Android WebView",
        "Android",
        "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36",
        Device::Mobile,
    ),
    (
        "iOS WebView",
        "iOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        Device::Mobile,
    ),
    (
        "Samsung Internet",
        "Tizen",
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/3.0 Chrome/94.0.4606.31 TV Safari/537.36",
        Device::Tv,
    ),
    (
        "Chrome",
        "webOS",
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
        Device::Tv,
    ),
    (
        "Amazon Silk",
        "Android",
        "Mozilla/5.0 (Linux; Android 9; AFTSSS) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.4.1 like Chrome/120.0.6099.230 Safari/537.36",
        Device::Tv,
    ),
    (
        "Chrome",
        "Android",
        "Mozilla/5.0 (Linux; Android 12; BRAVIA VU3) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        Device::Tv,
    ),
    (
        "Chrome",
        "Linux",
        "Mozilla/5.0 (X11; Linux aarch64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 CrKey/1.56.500000",
        Device::Tv,
    ),
    (
        "Safari",
        "PlayStation",
        "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15",
        Device::Tv,
    ),
    (
        "Edge",
        "Xbox",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edge/44.18363.8131",
        Device::Tv,
    ),
    ("Firefox", "KaiOS", "Mozilla/5.0 (Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5", Device::Mobile),
    (
        "Huawei Browser",
        "HarmonyOS",
        "Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN01) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/13.0.7 Mobile Safari/537.36",
        Device::Mobile,
    ),
];

#[test]
fn browsers_apps_and_televisions() {
    for (browser, os, agent, device) in CASES {
        assert_eq!(of(agent), ((*browser).to_owned(), (*os).to_owned(), *device), "{agent}");
    }
}

#[test]
fn machines_are_bots_among_devices() {
    assert_eq!(of("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)").2, Device::Bot);
}

#[test]
fn versions_and_nonsense() {
    let version = |agent: &str| facts(Some(agent)).browser_version.unwrap_or_default();
    assert_eq!(version(CASES[1].2), "126.0.2592.87");
    assert_eq!(
        version("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) musical_ly_35_1_0"),
        "35.1.0"
    );
    let windows = |agent: &str| facts(Some(agent)).os_version.unwrap_or_default();
    assert_eq!(windows("Mozilla/5.0 (Windows NT 6.1; rv:115.0) Gecko/20100101 Firefox/115.0"), "7");
    assert_eq!(windows(CASES[0].2), "10+");
    assert_eq!(facts(None).device, Device::Unknown);
    assert_eq!(facts(Some("curl/8.5.0")).browser, None);
}

fn hinted(agent: &str, [brands, platform, version]: [&str; 3], set: SignalSet) -> UserAgentFacts {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let hints = ClientHints { brands: some(brands), platform: some(platform), platform_version: some(version), model: None };
    facts_with_hints(Some(agent), &Signals { hints: Some(Box::new(hints)), ..Signals::of(set) })
}

#[test]
fn hints_say_what_the_agent_does_not() {
    let none = SignalSet::default();
    let (chrome, edge, instagram) = (CASES[0].2, CASES[1].2, CASES[17].2);
    let brave = hinted(chrome, [r#""Chromium";v="126", "Brave";v="126.1", "Not-A.Brand";v="99""#, r#""Windows""#, r#""15.0.0""#], none);
    assert_eq!(
        (brave.browser.as_deref(), brave.browser_version.as_deref(), brave.os_version.as_deref()),
        (Some("Brave"), Some("126.1"), Some("11"))
    );
    for (version, windows) in [("13.0.0", "11"), ("10.0.0", "10"), ("1.0.0", "10"), ("0.3.0", "8.1"), ("0.1.0", "7")] {
        assert_eq!(hinted(chrome, ["", r#""Windows""#, version], none).os_version.as_deref(), Some(windows), "{version}");
    }
    let full = hinted(chrome, [r#""Google Chrome";v="126.0.6478.127", "Chromium";v="126.0.6478.127""#, "", ""], none);
    assert_eq!((full.browser.as_deref(), full.browser_version.as_deref()), (Some("Chrome"), Some("126.0.6478.127")));
    // The bare engine, or an app's view, is no better name.
    assert_eq!(hinted(edge, [r#""Chromium";v="126""#, "", ""], none).browser.as_deref(), Some("Edge"));
    assert_eq!(hinted(instagram, [r#""Android WebView";v="126""#, "", ""], none).browser.as_deref(), Some("Instagram"));
    // A phone that asks for the pages of computers.
    let linux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
    let phone = hinted(linux, ["", r#""Android""#, r#""14.0.0""#], SignalSet::MOBILE);
    assert_eq!((phone.os.as_deref(), phone.os_version.as_deref(), phone.device), (Some("Android"), Some("14.0.0"), Device::Mobile));
    assert_eq!(hinted(linux, ["", r#""Android""#, ""], none).device, Device::Tablet);
}

proptest! {
    #[test]
    fn anything_is_read_and_what_is_kept_is_short(
        agent in ".{0,300}",
        known in "(Edg/|FBAV/|Line/|AFT|TV|Android |Version/|Windows NT |CrOS |musical_ly_|[0-9._ ;()A-Za-z]){0,60}",
        brands in ".{0,80}",
        quoted in r#"("Brave"|"Opera"|;v=|"|,|[0-9.]){0,40}"#,
        platform in "(\"?(Windows|Android|macOS)\"?|.{0,20})",
        version in "(\"?[0-9.]{0,60}\"?|.{0,60})",
    ) {
        for agent in [agent, known] {
            for brands in [&brands, &quoted] {
                let facts = hinted(&agent, [brands, &platform, &version], SignalSet::MOBILE);
                for text in [facts.browser, facts.browser_version, facts.os, facts.os_version].into_iter().flatten() {
                    prop_assert!(!text.is_empty() && text.len() <= 64, "{}", text);
                }
            }
        }
    }
}
