//! Clicks with a key or a signature: what is answered, what is captured, and who is refused.

use std::time::Duration;

use domain::{
    Address, ApiKeyId, ApiKeyRight, ApiKeyState, ApiScope, CapturedClick, ClickId, LinkId, Method, Millis, Outcome, SealedSecret,
    WorkspaceId, WorkspacePolicy, compose_api_key, signing_purpose, text_to_sign,
};
use platform::{Rng, signature_of};
use reqwest::Response;
use serde_json::{Value, json};
use stream::{LinkEvent, LinkNotices as _};
use testkit::wait_until;

use crate::fixture::{Running, Setup, link, start, start_as};

const PATIENCE: Duration = Duration::from_secs(5);
pub const TARGET: &str = "https://example.com/a?x=1";
const DAY: i64 = 24 * 3_600 * 1_000;

pub fn workspace() -> WorkspaceId {
    WorkspaceId::new(Millis(1), [2; 10])
}

pub fn key_id() -> ApiKeyId {
    ApiKeyId::new(Millis(1), [3; 10])
}

/// What a test does to a key that is good.
type Change = fn(&mut ApiKeyRight);

/// Makes a key that is good for what `change` leaves of it; its text.
pub fn know_key(running: &Running, change: impl FnOnce(&mut ApiKeyRight)) -> String {
    let (text, hash) = compose_api_key(key_id(), [7; 32]);
    let mut right = ApiKeyRight { workspace: workspace(), hash, scopes: vec![ApiScope::ClicksWrite], expires_at: None, networks: vec![] };
    change(&mut right);
    running.policies.keys.lock().unwrap().insert(key_id(), ApiKeyState { id: key_id(), version: 1, right: Some(right) });
    text
}

pub fn know_secrets(running: &Running, secrets: &[(&str, Option<Millis>)]) {
    let seal = |(secret, valid_until): &(&str, Option<Millis>)| {
        let sealed = running.seal_key.seal(&signing_purpose(workspace()), secret.as_bytes(), &Rng::System).unwrap();
        SealedSecret { sealed, valid_until: *valid_until }
    };
    let policy = WorkspacePolicy { version: 1, secrets: secrets.iter().map(seal).collect(), ..WorkspacePolicy::undecided(workspace()) };
    running.policies.workspaces.lock().unwrap().insert(workspace(), policy);
}

pub async fn post(running: &Running, key: &str, body: Value) -> Response {
    running.http.post(running.url("/log-and-redirect")).bearer_auth(key).json(&body).send().await.unwrap()
}

/// Status, the error's code, and the paths of its issues.
pub async fn told(answer: Response) -> (u16, String, Vec<String>) {
    assert!(answer.headers().get("location").is_none(), "nobody is sent on");
    let status = answer.status().as_u16();
    let error = answer.json::<Value>().await.unwrap()["error"].take();
    let issues = error["issues"].as_array().cloned().unwrap_or_default();
    (status, error["code"].as_str().unwrap().to_owned(), issues.iter().map(|issue| issue["path"].as_str().unwrap().to_owned()).collect())
}

pub fn refused(status: u16, code: &str) -> (u16, String, Vec<String>) {
    (status, code.to_owned(), vec![])
}

pub fn signed_query(secret: &str, expires_at: Millis, more: &[(&str, &str)]) -> String {
    signed_to(TARGET, secret, expires_at, more)
}

pub fn signed_to(target: &str, secret: &str, expires_at: Millis, more: &[(&str, &str)]) -> String {
    let (workspace, expires) = (workspace().to_string(), (expires_at.0 / 1_000).to_string());
    let fixed = [("u", target), ("w", workspace.as_str()), ("exp", expires.as_str())];
    let pairs: Vec<(String, String)> = fixed.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let query = reqwest::Url::parse_with_params("http://x/", &pairs).unwrap().query().unwrap().to_owned();
    format!("{query}&sig={}", signature_of(secret.as_bytes(), &text_to_sign(&pairs)))
}

async fn opened(running: &Running, query: &str) -> (u16, Option<String>) {
    let answer = running.get(&format!("/r?{query}")).await;
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_and_forms_log_the_same_click() {
    let running = start(&["127.0.0.1/32"]).await;
    let key = know_key(&running, |_| {});
    let id = ClickId::new(running.clock.now(), [5; 10]);
    let body = json!({ "url": TARGET, "utm": { "source": "app" }, "source": "feed", "parameters": { "n": 1, "ok": true },
        "ip": "203.0.113.9", "userAgent": " Firefox\u{0} ", "referrer": "https://news.example/", "language": "de", "clickId": id.to_string() });
    let answer = post(&running, &key, body).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["x-click-id"].to_str().unwrap()), (302, id.to_string().as_str()));
    let form = [
        ("url", TARGET),
        ("utm_source", "app"),
        ("source", "feed"),
        ("parameters[n]", "1"),
        ("parameters[ok]", "true"),
        ("ip", "203.0.113.9"),
        ("userAgent", "Firefox\u{0}"),
        ("referrer", "https://news.example/"),
        ("language", "de"),
    ];
    let form = reqwest::Url::parse_with_params("http://x/", form).unwrap().query().unwrap().to_owned();
    let request = running.http.post(running.url("/log-and-redirect")).bearer_auth(&key);
    let answer = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8").body(form).send().await.unwrap();
    assert_eq!(answer.headers()["location"].to_str().unwrap(), "https://example.com/a?x=1&utm_source=app");
    let [first, second] = running.captured().await.try_into().unwrap();
    assert_eq!(first.id, id);
    assert_eq!(CapturedClick { id, redirect_micros: 0, ..second }, CapturedClick { redirect_micros: 0, ..first.clone() });
    assert_eq!(
        (first.workspace, first.link, first.method, first.outcome),
        (workspace(), LinkId::logged(workspace()), Method::Post, Outcome::Redirected)
    );
    assert_eq!(first.url, "https://go.example/log-and-redirect?utm_source=app&source=feed&n=1&ok=true");
    assert_eq!(first.address, Address::Full("203.0.113.9".parse().unwrap()));
    assert_eq!((first.user_agent.as_deref(), first.accept_language.as_deref()), (Some("Firefox\u{fffd}"), Some("de")));
    wait_until(PATIENCE, "the key's use is noted", async || (*running.policies.used.lock().unwrap() == [key_id()]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_forwarded_facts_the_request_is_the_visitors_own() {
    let running = start(&["127.0.0.1/32"]).await;
    let key = know_key(&running, |_| {});
    let own = running.http.post(running.url("/log-and-redirect")).bearer_auth(&key).json(&json!({ "url": TARGET }));
    own.header("user-agent", "Firefox").header("x-forwarded-for", "198.51.100.7").send().await.unwrap();
    let forwarded =
        running.http.post(running.url("/log-and-redirect")).bearer_auth(&key).json(&json!({ "url": TARGET, "ip": "203.0.113.9" }));
    forwarded.header("user-agent", "node-fetch").send().await.unwrap();
    let [own, forwarded] = running.captured().await.try_into().unwrap();
    assert_eq!((own.address, own.user_agent.as_deref()), (Address::Full("198.51.100.7".parse().unwrap()), Some("Firefox")));
    // Nothing of the edge function is taken for the visitor's.
    assert_eq!((forwarded.address, forwarded.user_agent), (Address::Full("203.0.113.9".parse().unwrap()), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_no_good_sends_nobody_on() {
    let running = start(&["127.0.0.1/32"]).await;
    let body = || json!({ "url": TARGET });
    let key = compose_api_key(key_id(), [7; 32]).0;
    assert_eq!(told(post(&running, &key, body()).await).await, refused(401, "UNAUTHENTICATED"), "unknown");
    for wrong in ["", "ll_live_x", &key[..key.len() - 1], "eyJhbGciOiJFZERTQSJ9.e30.x"] {
        assert_eq!(told(post(&running, wrong, body()).await).await, refused(401, "UNAUTHENTICATED"), "{wrong}");
    }
    let bare = running.http.post(running.url("/log-and-redirect")).json(&body()).send().await.unwrap();
    assert_eq!(bare.headers()["www-authenticate"].to_str().unwrap(), "Bearer");
    assert_eq!(told(bare).await, refused(401, "UNAUTHENTICATED"));
    let cases: [(u16, &str, Change); 5] = [
        (401, "UNAUTHENTICATED", |right| right.hash.0 = [0; 32]),
        (401, "UNAUTHENTICATED", |right| right.expires_at = Some(Millis(1_772_366_400_000))),
        (403, "FORBIDDEN", |right| right.scopes = vec![ApiScope::LinksRead, ApiScope::LinksWrite, ApiScope::ClicksRead]),
        (403, "FORBIDDEN", |right| right.networks = vec!["203.0.113.0/24".parse().unwrap()]),
        (302, "", |right| right.networks = vec!["127.0.0.0/8".parse().unwrap()]),
    ];
    for (status, code, change) in cases {
        know_key(&running, change);
        running.notices.publish(LinkEvent::Key { id: key_id() }).await;
        wait_until(PATIENCE, "the key is seen as it is", async || {
            let answer = post(&running, &key, body()).await;
            if status == 302 { (answer.status() == 302).then_some(()) } else { (told(answer).await == refused(status, code)).then_some(()) }
        })
        .await;
    }
    assert_eq!(running.captured().await.len(), 1);
    let [get, delete] = ["/log-and-redirect", "/r"].map(|path| running.url(path));
    assert_eq!(running.http.get(get).bearer_auth(&key).send().await.unwrap().headers()["allow"], "POST");
    assert_eq!(running.http.post(delete).body("u=x").send().await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bodies_are_told_everything_and_log_nothing() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    let paths = async |body: Value| told(post(&running, &key, body).await).await;
    let invalid = |paths: &[&str]| (400, "VALIDATION".to_owned(), paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
    assert_eq!(paths(json!({ "url": "https://go.example/x", "ip": "nowhere", "clickId": "x" })).await, invalid(&["url", "ip", "clickId"]));
    assert_eq!(paths(json!({})).await, invalid(&["url"]));
    assert_eq!(paths(json!({ "url": "javascript:alert(1)" })).await, invalid(&["url"]));
    assert_eq!(paths(json!({ "url": TARGET, "parameters": { "a": [1] } })).await, invalid(&["parameters"]));
    assert_eq!(paths(json!({ "url": TARGET, "uttm": {} })).await, invalid(&[""]));
    assert_eq!(paths(json!([1])).await, invalid(&[""]));
    assert_eq!(paths(json!({ "url": TARGET, "source": "x".repeat(17_000) })).await.0, 413);
    let send = async |media: &'static str, body: &'static str| {
        let request = running.http.post(running.url("/log-and-redirect")).bearer_auth(&key).header("content-type", media).body(body);
        told(request.send().await.unwrap()).await
    };
    assert_eq!(send("text/plain", "url=https://example.com/").await.0, 415);
    assert_eq!(send("application/json", "{\"url\":").await, invalid(&[""]));
    assert_eq!(send("application/x-www-form-urlencoded", "url=https://example.com/&b=1&c=2").await, invalid(&["b", "c"]));
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_address_leads_on_until_it_ends() {
    let running = start(&[]).await;
    let now = running.clock.now();
    know_secrets(&running, &[("new", None), ("old", Some(now.plus(DAY))), ("older", Some(now))]);
    let good = signed_query("new", now.plus(2 * DAY), &[("utm_source", "Zürich & more"), ("n", "1"), ("source", "qr")]);
    let there = "https://example.com/a?x=1&utm_source=Z%C3%BCrich+%26+more";
    assert_eq!(opened(&running, &good).await, (302, Some(there.to_owned())));
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!(click.url, "https://go.example/r?utm_source=Z%C3%BCrich+%26+more&source=qr&n=1");
    assert_eq!((click.method, click.link, click.target.as_str()), (Method::Get, LinkId::logged(workspace()), there));

    assert_eq!(opened(&running, &signed_query("old", now.plus(2 * DAY), &[])).await.0, 302);
    for (what, query) in [
        ("a secret whose grace is over", signed_query("older", now.plus(DAY), &[])),
        ("another secret", signed_query("other", now.plus(DAY), &[])),
        ("ended", signed_query("new", now, &[])),
        ("too far ahead", signed_query("new", now.plus(401 * DAY), &[])),
        ("another target", good.replace("example.com", "evil.example")),
        ("one more parameter", format!("{good}&x=1")),
        ("one less", good.replace("&n=1", "")),
        ("another end", good.replace("exp=17", "exp=18")),
        ("another workspace", good.replace(&workspace().to_string(), &WorkspaceId::new(Millis(9), [9; 10]).to_string())),
        ("another signature", good.replace("sig=", "sig=A")),
    ] {
        assert_eq!(opened(&running, &query).await, (403, None), "{what}");
    }
    for unsigned in ["", "u=https://example.com/", good.split("&sig=").next().unwrap()] {
        assert_eq!(opened(&running, unsigned).await, (401, None), "{unsigned}");
    }
    running.clock.advance(DAY);
    assert_eq!(opened(&running, &signed_query("old", now.plus(2 * DAY), &[])).await, (403, None));
    assert_eq!(opened(&running, &good).await.0, 302);
    running.clock.advance(DAY);
    assert_eq!(opened(&running, &good).await, (403, None));
    assert_eq!(running.metric("redirector_clicks_total"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_does_not_excuse_the_target() {
    let running = start(&[]).await;
    know_secrets(&running, &[("new", None)]);
    for target in ["javascript:alert(1)", "https://go.example/loop", "//example.com", "https://example.com/\r\nset-cookie: a=b"] {
        let query = signed_to(target, "new", running.clock.now().plus(DAY), &[]);
        assert_eq!(opened(&running, &query).await, (400, None), "{target}");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_open_secrets_says_so_and_serves_links() {
    let running = start_as(Setup { seals: false, ..Setup::default() }).await;
    know_secrets(&running, &[("new", None)]);
    running.know("a", link(TARGET));
    assert_eq!(opened(&running, &signed_query("new", running.clock.now().plus(DAY), &[])).await, (503, None));
    assert_eq!(running.get("/a").await.status(), 302);
}
