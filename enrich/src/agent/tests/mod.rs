mod cases;

use domain::{ClientHints, SignalSet};
use proptest::prelude::*;

use super::*;
use cases::CASES;

fn of(agent: &str) -> (String, String, Device) {
    let facts = facts(Some(agent));
    (facts.browser.unwrap_or_default(), facts.os.unwrap_or_default(), facts.device)
}

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
