//! The workspace's secret for signed addresses, its referrer policy, and the link of what is logged
//! without one.

use serde_json::{Value, json};

use crate::fixture::{start, told};

const ROTATE: &str = "mutation($i: RotateSigningSecretInput!) { rotateSigningSecret(input: $i) { secret earlierValidUntil } }";
const SIGN: &str = "mutation($i: SignRedirectUrlInput!) { signRedirectUrl(input: $i) { url } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_are_signed_once_there_is_a_secret() {
    let running = start().await;
    let ada = running.ada().await;
    let good = json!({ "targetUrl": "https://example.com/?a=1", "utm": { "source": "mail & co" }, "expiresAt": "2026-03-02T12:00:00Z" });
    assert_eq!(told(&ada.error(SIGN, json!({ "i": good })).await).0, "CONFLICT");
    let rotated = ada.data(ROTATE, json!({ "i": { "graceDays": 1 } })).await["rotateSigningSecret"].take();
    assert_eq!(rotated["earlierValidUntil"], "2026-03-02T12:00:00.000Z");
    let url = ada.data(SIGN, json!({ "i": good })).await["signRedirectUrl"]["url"].as_str().unwrap().to_owned();
    // Made with the secret alone, as docs/log-and-redirect.md says.
    let (query, signature) = url.strip_prefix("https://go.example/r?").unwrap().split_once("&sig=").unwrap();
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.sort_unstable();
    let text = format!("linklogger-redirect-v1\n{}", parts.join("&"));
    assert!(text.contains("exp=1772452800&u=https%3A%2F%2Fexample.com%2F%3Fa%3D1&utm_source=mail%20%26%20co&w=ws_"), "{text}");
    assert_eq!(platform::signature_of(rotated["secret"].as_str().unwrap().as_bytes(), &text), signature);

    let wrong = json!({ "targetUrl": "https://go.example/x", "utm": { "term": "x".repeat(513) }, "expiresAt": "2026-03-01T12:00:00Z" });
    let error = ada.error(SIGN, json!({ "i": wrong })).await;
    assert_eq!(told(&error), ("VALIDATION".into(), ["expiresAt", "targetUrl", "utm.term"].map(String::from).to_vec()));
    for days in [-1, 401] {
        assert_eq!(told(&ada.error(ROTATE, json!({ "i": { "graceDays": days } })).await), ("VALIDATION".into(), vec!["graceDays".into()]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_of_what_is_logged_is_listed_and_fixed() {
    let running = start().await;
    let ada = running.ada().await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    ada.data(ROTATE, json!({ "i": {} })).await;
    let links = ada.data("{ links { nodes { id kind slug shortUrl title } } }", json!({})).await["links"]["nodes"].take();
    let (logged, others): (Vec<&Value>, Vec<&Value>) = links.as_array().unwrap().iter().partition(|link| link["kind"] == "LOGGED");
    assert_eq!((logged.len(), others.len(), &others[0]["kind"]), (1, 1, &json!("SHORT")));
    assert_eq!((&logged[0]["slug"], &logged[0]["shortUrl"]), (&json!("r"), &json!("https://go.example/r")));
    for (name, input) in [("updateLink", "title: \"mine\""), ("archiveLink", ""), ("deleteLink", "")] {
        let query = format!("mutation {{ {name}(input: {{ id: {}, {input} }}) {{ __typename }} }}", logged[0]["id"]);
        assert_eq!(told(&ada.error(&query, json!({})).await).0, "FORBIDDEN", "{name}");
    }
    let taken =
        ada.error("mutation { createLink(input: { targetUrl: \"https://example.com/\", slug: \"R\" }) { link { id } } }", json!({})).await;
    assert_eq!(told(&taken), ("VALIDATION".into(), vec!["slug".into()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_referrer_policy_stays_and_null_clears_it() {
    let running = start().await;
    let ada = running.ada().await;
    let update = async |input: Value| {
        let query = "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { referrerPolicy } } }";
        ada.data(query, json!({ "i": input })).await["updateWorkspace"]["workspace"]["referrerPolicy"].take()
    };
    assert_eq!(ada.data("{ workspace { referrerPolicy } }", json!({})).await["workspace"]["referrerPolicy"], Value::Null);
    assert_eq!(update(json!({ "referrerPolicy": "STRICT_ORIGIN" })).await, "STRICT_ORIGIN");
    assert_eq!(update(json!({})).await, "STRICT_ORIGIN");
    assert_eq!(update(json!({ "referrerPolicy": null })).await, Value::Null);
}
