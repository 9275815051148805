//! What the body of a request to log a click says, as JSON or as a form.

use domain::{Address, CapturedClick, ClickId, LinkId, Method, Outcome};
use serde_json::{Value, json};
use testkit::wait_until;

use super::{PATIENCE, TARGET, key_id, know_key, post, send, told, workspace};
use crate::fixture::start;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

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
async fn a_number_keeps_all_of_its_digits() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    let body =
        format!(r#"{{"url": "{TARGET}", "parameters": {{"order": 12345678901234567890123, "price": 1.10, "most": 1e400, "no": -0}}}}"#);
    assert_eq!(send(&running, &key, JSON, body).await.status().as_u16(), 302);
    let url = running.captured().await.remove(0).url;
    assert_eq!(url, "https://go.example/log-and-redirect?order=12345678901234567890123&price=1.10&most=1e400&no=-0");
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
async fn bad_bodies_are_told_everything_and_log_nothing() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    let paths = async |body: Value| told(post(&running, &key, body).await).await;
    let invalid = |paths: &[&str]| (400, "VALIDATION".to_owned(), paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
    assert_eq!(paths(json!({ "url": "https://go.example/x", "ip": "nowhere", "clickId": "x" })).await, invalid(&["url", "ip", "clickId"]));
    assert_eq!(paths(json!({})).await, invalid(&["url"]));
    assert_eq!(paths(json!({ "url": "javascript:alert(1)" })).await, invalid(&["url"]));
    assert_eq!(paths(json!({ "url": TARGET, "parameters": { "a": [1] } })).await, invalid(&["parameters.a"]));
    assert_eq!(paths(json!({ "url": TARGET, "uttm": {} })).await, invalid(&["uttm"]));
    assert_eq!(paths(json!([1])).await, invalid(&[""]));
    assert_eq!(paths(json!({ "url": TARGET, "source": "x".repeat(17_000) })).await.0, 413);
    let send = async |media, body| told(send(&running, &key, media, body).await).await;
    assert_eq!(send("text/plain", "url=https://example.com/").await.0, 415);
    assert_eq!(send(JSON, "{\"url\":").await, invalid(&[""]));
    assert_eq!(send(FORM, "url=https://example.com/&b=1&c=2").await, invalid(&["b", "c"]));
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_by_its_place() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    for (body, path) in [
        (r#"["https://example.com/"]"#, ""),
        (r#"["https://example.com/", {"source": "app"}]"#, ""),
        (r#""https://example.com/""#, ""),
        ("null", ""),
        (r#"{"url": "https://example.com/", "utm": ["app"]}"#, "utm"),
        (r#"{"url": "https://example.com/", "utm": "app"}"#, "utm"),
        (r#"{"url": "https://example.com/", "parameters": [["a", "b"]]}"#, "parameters"),
        (r#"{"url": ["https://example.com/"]}"#, "url"),
    ] {
        assert_eq!(told(send(&running, &key, JSON, body).await).await, (400, "VALIDATION".into(), vec![path.into()]), "{body}");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_twice_is_refused_either_way() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    for (media, body, paths) in [
        (FORM, "url=https://example.com/&url=https://example.org/", vec!["url"]),
        (FORM, "url=https://example.com/&url=https://example.com/&url=", vec!["url"]),
        (FORM, "url=https://example.com/&utm_source=a&utm_source=b", vec!["utm_source"]),
        (FORM, "url=https://example.com/&ip=203.0.113.9&ip=203.0.113.9", vec!["ip"]),
        (FORM, "url=https://example.com/&parameters[n]=1&parameters%5Bn%5D=2&source=a&source=b", vec!["parameters[n]", "source"]),
        (JSON, r#"{"url": "https://example.com/", "url": "https://example.org/"}"#, vec!["url"]),
        (JSON, r#"{"url": null, "url": "https://example.org/"}"#, vec!["url"]),
        (JSON, r#"{"url": "https://example.com/", "utm": {"source": "a", "source": "b"}}"#, vec!["utm.source"]),
        (JSON, r#"{"url": "https://example.com/", "utm": {"source": "a"}, "utm": {"term": "b"}}"#, vec!["utm"]),
        (JSON, r#"{"url": "https://example.com/", "utm": {"source": "a"}, "utm_source": "b"}"#, vec!["utm_source"]),
        (JSON, r#"{"url": "https://example.com/", "parameters": {"n": 1, "n": 2}}"#, vec!["parameters.n"]),
    ] {
        let answer: Value = send(&running, &key, media, body).await.json().await.unwrap();
        let issues = answer["error"]["issues"].as_array().unwrap();
        let told: Vec<_> = issues.iter().map(|issue| issue["path"].as_str().unwrap()).collect();
        assert_eq!(told, paths, "{body}");
        assert!(issues.iter().all(|issue| issue["message"] == "This is there more than once. Send it once."), "{answer}");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    // The same name in two places is two things.
    let body = "url=https://example.com/&source=a&parameters[n]=1&parameters[N]=2&parameters[url]=3";
    assert_eq!(send(&running, &key, FORM, body).await.status(), 302);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_is_told_at_once_in_words() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    let error = async |media, body| send(&running, &key, media, body).await.json::<Value>().await.unwrap()["error"].take();
    let body = r#"{"url": 5, "uttm": null, "utm": {"sorce": "a"}, "parameters": {"a": null}, "ip": "nowhere", "clickId": true}"#;
    let told = error(JSON, body).await;
    let issues = [
        ("url", "INVALID", "Send a text here, in quotes."),
        ("uttm", "NOT_ALLOWED", "There is no such field. Send other values in parameters."),
        ("utm.sorce", "NOT_ALLOWED", "There is no such field. In utm send source, medium, campaign, term or content."),
        ("parameters.a", "INVALID", "Send a text, a number, true or false as a parameter's value."),
        ("clickId", "INVALID", "Send a text here, in quotes."),
        ("ip", "INVALID", "This is no IP address. Send the visitor's, like 203.0.113.7 or 2001:db8::7, or leave it out."),
    ];
    let wanted = issues.map(|(path, code, message)| json!({ "path": path, "code": code, "message": message }));
    assert_eq!(told["issues"], json!(wanted));
    // Who reads only the message learns as much.
    assert_eq!(told["message"], issues.map(|(path, _, message)| format!("{path}: {message}")).join(" "));
    let message = async |media, body| error(media, body).await["message"].as_str().unwrap().to_owned();
    let example = r#"Send one JSON object, such as {"url": "https://example.com/"}."#;
    assert_eq!(message(JSON, "[]").await, format!("The body is no JSON object. {example}"));
    assert_eq!(message(JSON, "").await, format!("The body is empty. {example}"));
    assert_eq!(
        message(JSON, "{\"url\"").await,
        format!("The body is no JSON: it ends before it is complete at line 1, column 6. {example}")
    );
    assert_eq!(message(JSON, "url=x").await, format!("The body is no JSON: it cannot be read at line 1, column 1. {example}"));
    assert_eq!(message(FORM, "").await, "url: Send the address that the visitor is led to as url.");
    assert_eq!(message(FORM, "url=https://example.com/&n=1").await, "n: There is no such field. Send other values as parameters[name].");
}
