//! Strict capture: what a click says of its visitor before it is written, and what it does not.

use std::sync::atomic::Ordering;

use domain::{Address, CapturedClick, Consent, ConsentMode, KeptFields, Privacy, PrivacyLevel, ReducedAddress, SignalSet, Verdict};
use enrich::visitor_of_day;
use platform::config::Capture;
use testkit::wait_until;

use crate::fixture::{NOON, Running, Setup, link, start_as};
use crate::logged::{PATIENCE, know_secrets, workspace};
use crate::sources::{DAY_MILLIS, Salts};

const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
/// In Berlin.
const IP: &str = "203.0.113.77";

async fn start(change: impl FnOnce(&mut Privacy)) -> Running {
    let running = start_as(Setup { capture: Capture::Strict, trusted_proxies: &["127.0.0.1/32"], ..Setup::default() }).await;
    know_secrets(&running, &[]);
    change(&mut running.policies.workspaces.lock().unwrap().get_mut(&workspace()).unwrap().privacy);
    running.know("a", link("https://example.com/"));
    running
}

async fn click(running: &Running, headers: &[(&'static str, &str)]) {
    let mut request = running.http.get(running.url("/a")).header("x-forwarded-for", IP).header("user-agent", PERSON);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    assert_eq!(request.header("accept-language", "de").send().await.unwrap().status(), 302);
}

fn reduced(click: &CapturedClick) -> &ReducedAddress {
    match &click.address {
        Address::Reduced(reduced) => reduced,
        other => panic!("an address is written: {other:?}"),
    }
}

fn key(click: &CapturedClick) -> Option<&str> {
    reduced(click).visitor.as_ref().map(|visitor| visitor.key.as_str())
}

fn key_at(at: domain::Millis) -> String {
    visitor_of_day(&Salts::of(at), workspace(), IP.parse().unwrap(), Some(PERSON)).key
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_click_of_all_has_its_visitor_and_who_objects_has_none() {
    let running = start(|_| {}).await;
    click(&running, &[]).await;
    click(&running, &[("sec-gpc", "1")]).await;
    let [person, objecting] = running.captured().await.try_into().unwrap();
    assert_eq!((key(&person), key(&objecting)), (Some(key_at(NOON).as_str()), None));
    assert_eq!((reduced(&person).network.as_str(), reduced(&objecting).network.as_str()), ("203.0.113.0/24", "203.0.113.0/24"));
    assert_eq!((person.user_agent.as_deref(), person.judged), (Some(PERSON), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_click_misses_its_salt_because_a_day_begins() {
    let running = start(|_| {}).await;
    click(&running, &[]).await;
    // Ten minutes before midnight tomorrow's is asked for as well.
    running.clock.advance(DAY_MILLIS / 2 - 600_000);
    click(&running, &[]).await;
    let midnight = NOON.plus(DAY_MILLIS / 2);
    wait_until(PATIENCE, "tomorrow's salt is there", async || running.salts.asked.lock().unwrap().contains(&midnight).then_some(())).await;
    running.salts.down.store(true, Ordering::SeqCst);
    running.clock.advance(600_000);
    click(&running, &[]).await;
    let [noon, evening, next] = running.captured().await.try_into().unwrap();
    assert_eq!((key(&noon), key(&evening)), (Some(key_at(NOON).as_str()), Some(key_at(NOON).as_str())));
    assert_eq!(key(&next), Some(key_at(midnight).as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_salt_clicks_go_on_and_are_of_nobody_until_there_is_one() {
    let running = start(|_| {}).await;
    running.salts.down.store(true, Ordering::SeqCst);
    click(&running, &[]).await;
    running.salts.down.store(false, Ordering::SeqCst);
    let mut seen = running.captured().await;
    assert_eq!(key(&seen[0]), None);
    wait_until(PATIENCE, "a click has its visitor", async || {
        running.clock.advance(1_000);
        click(&running, &[]).await;
        seen = running.captured().await;
        key(seen.last().unwrap()).map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_workspace_does_not_keep_is_not_written() {
    let running = start(|privacy| {
        privacy.level = PrivacyLevel::None;
        privacy.keep = KeptFields { user_agent: false, city: false, language: false, ..KeptFields::default() };
        privacy.own_networks = vec!["198.51.100.0/24".parse().unwrap()];
    })
    .await;
    click(&running, &[("sec-ch-ua-platform", "\"Linux\"")]).await;
    let own = running.http.get(running.url("/a")).header("x-forwarded-for", "198.51.100.9").header("user-agent", PERSON);
    own.send().await.unwrap();
    let [person, own] = running.captured().await.try_into().unwrap();
    assert_eq!(
        (&*reduced(&person).network, &reduced(&person).place.country, &reduced(&person).place.city),
        ("", &Some("DE".into()), &None)
    );
    assert_eq!((&person.user_agent, &person.signals.hints, &person.accept_language), (&None, &None, &None));
    // What agent and hints said is there in their place.
    let judged = person.judged.as_ref().unwrap();
    assert_eq!(
        (judged.facts.browser.as_deref(), judged.facts.os.as_deref(), judged.verdict),
        (Some("Firefox"), Some("Linux"), Verdict::Human)
    );
    assert_eq!(key(&person), Some(key_at(NOON).as_str()));
    assert!(own.signals.set.has(SignalSet::OWN_NETWORK) && own.judged.unwrap().verdict == Verdict::Internal);
    assert!(!person.signals.set.has(SignalSet::OWN_NETWORK));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nobody_can_tell_what_is_kept_nothing_is() {
    let running = start(|_| {}).await;
    running.policies.down.store(true, Ordering::SeqCst);
    click(&running, &[]).await;
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!((&*reduced(&click).network, key(&click), &click.user_agent, &click.accept_language), ("", None, &None, &None));
    assert_eq!((&reduced(&click).place.country, &reduced(&click).place.city), (&Some("DE".into()), &None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_consent_a_click_is_only_counted() {
    let running = start(|privacy| privacy.consent = ConsentMode::Required).await;
    // An assistant sees no page.
    let refused = running.http.get(running.url("/a")).header("x-forwarded-for", IP).header("user-agent", PERSON).header("sec-gpc", "1");
    assert_eq!(refused.send().await.unwrap().status(), 302);
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!(click.signals.consent.as_deref(), Some(&Consent { given: false, visitor: None }));
    assert_eq!((&*reduced(&click).network, key(&click), &click.user_agent), ("", None, &None));
    assert!(click.judged.is_some());
}
