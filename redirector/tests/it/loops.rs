//! Addresses that would lead back to where short links are served.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{DomainSettings, HostName, WorkspaceId, WorkspacePolicy};
use reqwest::Response;
use serde_json::{Value, json};
use stream::{LinkEvent, LinkNotices as _};
use testkit::wait_until;

use crate::domains::serve;
use crate::fixture::{Running, Setup, link, start, start_as};
use crate::logged::{know_key, know_secrets, post, signed_to, workspace};

const HOST: &str = "go.acme.example";
const PATIENCE: Duration = Duration::from_secs(5);

async fn sign(running: &Running, target: &str) -> Response {
    let end = running.clock.now().plus(3_600_000);
    running.get(&format!("/r?{}", signed_to(target, "secret", end, &[]))).await
}

/// What both ways of logging a click without a link answer.
async fn logged(running: &Running, key: &str, target: &str) -> [u16; 2] {
    let (posted, signed) = (post(running, key, json!({ "url": target })).await, sign(running, target).await);
    for answer in [&posted, &signed] {
        assert_eq!(answer.headers().contains_key("location"), answer.status() == 302, "{target}");
    }
    [posted.status().as_u16(), signed.status().as_u16()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_click_without_a_link_leads_to_any_domain_that_is_served() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    know_secrets(&running, &[("secret", None)]);
    // Of the key's workspace, and of another.
    serve(&running, HOST, 7, DomainSettings::default());
    serve(&running, "go.other.example", 8, DomainSettings::default());
    {
        let mut domains = running.links.domains.lock().unwrap();
        let other = domains.get_mut(&HostName::from_store("go.other.example".into())).unwrap();
        other.workspace = WorkspaceId::new(domain::Millis(1), [9; 10]);
    }
    for target in [
        "https://go.acme.example/x",
        "http://GO.Acme.Example.:8443/",
        "https://go.acm%65.example/",
        "https://go.other.example/x?y=1#z",
        "https://go.example/x",
    ] {
        assert_eq!(logged(&running, &key, target).await, [400, 400], "{target}");
    }
    let told: Value = post(&running, &key, json!({ "url": "https://go.acme.example/" })).await.json().await.unwrap();
    let issue = &told["error"]["issues"][0];
    assert_eq!((&told["error"]["code"], &issue["path"], &issue["code"]), (&json!("VALIDATION"), &json!("url"), &json!("NOT_ALLOWED")));
    assert!(issue["message"].as_str().unwrap().contains("loop"), "{told}");
    assert!(sign(&running, "https://go.acme.example/").await.text().await.unwrap().contains("leads nowhere that it may"));
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    for target in ["https://acme.example/", "https://x.go.acme.example/", "https://example.com/?u=go.acme.example", "https://192.0.2.1/"] {
        assert_eq!(logged(&running, &key, target).await, [302, 302], "{target}");
    }
    // A domain that is gone is a host like any other.
    running.links.domains.lock().unwrap().clear();
    let host = HostName::from_store(HOST.into());
    wait_until(PATIENCE, "the domain is forgotten", async || {
        running.notices.publish(LinkEvent::HostChanged { host: host.clone() }).await;
        (logged(&running, &key, "https://go.acme.example/x").await == [302, 302]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_tell_leads_on_and_what_is_known_is_known() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    know_secrets(&running, &[("secret", None)]);
    serve(&running, HOST, 7, DomainSettings::default());
    assert_eq!(logged(&running, &key, "https://go.acme.example/").await, [400, 400]);
    running.links.down.store(true, Ordering::SeqCst);
    running.clock.advance(60_000);
    assert_eq!(logged(&running, &key, "https://go.acme.example/").await, [400, 400]);
    assert_eq!(logged(&running, &key, "https://example.com/").await, [302, 302]);
    running.links.down.store(false, Ordering::SeqCst);
    // A source that does not answer at all.
    running.clock.advance(60_000);
    running.links.strangers.shut();
    let answers = tokio::time::timeout(PATIENCE, logged(&running, &key, "https://example.com/")).await;
    assert_eq!(answers.expect("answers in time"), [302, 302]);
    running.links.strangers.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_is_one_however_it_is_called() {
    let running = start_as(Setup { short_domain: "127.0.0.1:8081", ..Setup::default() }).await;
    let key = know_key(&running, |_| {});
    know_secrets(&running, &[("secret", None)]);
    running.know("a", link("https://example.com/"));
    for host in ["127.0.0.1", "localhost", "127.9.9.9", "2130706433", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:0:0]"] {
        assert_eq!(logged(&running, &key, &format!("http://{host}:8081/")).await, [400, 400], "{host}");
        assert_eq!(logged(&running, &key, &format!("http://{host}:3000/")).await, [302, 302], "{host}");
    }
    // As the address is written in the header, links are served on it.
    for host in ["0.0.0.0:8081", "[::]:8081", "[::1]:8081", "[::ffff:7f00:1]:8081", "localhost:8081"] {
        let answer = running.http.get(running.url("/a")).header("host", host).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_looked_up_only_for_who_may_log() {
    let running = start(&[]).await;
    let decided = WorkspacePolicy { version: 1, ..WorkspacePolicy::undecided(workspace()) };
    running.policies.workspaces.lock().unwrap().insert(workspace(), decided);
    serve(&running, HOST, 7, DomainSettings::default());
    assert_eq!(logged(&running, "ll_live_x", "https://go.acme.example/").await, [401, 403]);
    assert_eq!(running.links.asked.load(Ordering::SeqCst), 0);
}
