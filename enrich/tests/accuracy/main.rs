//! Floors under the accuracy of what is read out of user agents, on samples of published lists
//! (`enrich/tests/data`); the figures on the whole lists are in docs/accuracy.md.

mod measure;

use measure::{families, not_people};

const CRAWLERS: &str = include_str!("../data/crawlers-crawlerdetect.txt");
const BROWSERS: [&str; 2] = [include_str!("../data/browsers-crawlerdetect-2.txt"), include_str!("../data/browsers-user-agents.txt")];
const TODAY: &str = include_str!("../data/families-fake-useragent.tsv");
const UAP_CORE: &str = include_str!("../data/families-uap-core.tsv");

#[test]
fn crawlers_are_caught() {
    let caught = not_people(CRAWLERS, |_, _| ());
    assert!(caught.of > 1_000 && caught.percent() >= 95.0, "{caught:?}");
}

#[test]
fn browsers_are_not_accused() {
    for list in BROWSERS {
        let mut accused = Vec::new();
        let share = not_people(list, |agent, is_machine| accused.extend(is_machine.then(|| agent.to_owned())));
        assert!(share.of > 900 && share.percent() <= 0.5, "{share:?}: {accused:#?}");
    }
}

#[test]
fn browsers_systems_and_devices_of_today_are_told() {
    let told = families(TODAY, |_, _, _| ());
    assert!(told.browser.of > 800 && told.browser.percent() >= 97.0, "{told:?}");
    assert!(told.system.percent() >= 99.0 && told.device.percent() >= 99.0, "{told:?}");
}

#[test]
fn so_are_those_of_uap_core() {
    let told = families(UAP_CORE, |_, _, _| ());
    assert!(told.browser.of > 250 && told.browser.percent() >= 92.0, "{told:?}");
    assert!(told.system.of > 120 && told.system.percent() >= 80.0, "{told:?}");
}
