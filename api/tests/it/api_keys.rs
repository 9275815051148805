//! API keys through GraphQL: making and revoking them, and what programs may do with them.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{GraphQl, Subscription, wait_until};

use crate::fixture::{Running, start, told};

const PATIENCE: Duration = Duration::from_secs(10);
const CREATE: &str = "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret key { id name scopes networks expiresAt lastUsedAt revokedAt } } }";
const REVOKE: &str = "mutation($i: RevokeApiKeyInput!) { revokeApiKey(input: $i) { key { id revokedAt } } }";
const KEYS: &str = "{ apiKeys { id name lastUsedAt } }";

struct Key {
    id: String,
    secret: String,
}

async fn create(api: &GraphQl, input: Value) -> Key {
    let mut made = json!({ "name": "CI", "scopes": ["LINKS_READ"] });
    made.as_object_mut().unwrap().extend(input.as_object().cloned().unwrap());
    let data = api.data(CREATE, json!({ "i": made })).await["createApiKey"].take();
    Key { id: data["key"]["id"].as_str().unwrap().into(), secret: data["secret"].as_str().unwrap().into() }
}

async fn with_scopes(running: &Running, ada: &GraphQl, scopes: &[&str]) -> GraphQl {
    running.anonymous().with_token(&create(ada, json!({ "scopes": scopes })).await.secret)
}

async fn code(api: &GraphQl, query: &str) -> Option<String> {
    api.send(query, json!({})).await["errors"][0]["extensions"]["code"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once_and_listed_without_its_secret() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let input = json!({ "name": " CI ", "scopes": ["CLICKS_READ", "LINKS_READ", "CLICKS_READ"], "networks": ["203.0.113.9/24", "2001:db8::1"],
        "expiresAt": "2026-03-02T12:00:00Z" });
    let made = ada.data(CREATE, json!({ "i": input })).await["createApiKey"].take();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with(&made["key"]["id"].as_str().unwrap().replace("key_", "ll_live_")), "{made}");
    assert_eq!(made["key"]["scopes"], json!(["LINKS_READ", "CLICKS_READ"]));
    assert_eq!((&made["key"]["name"], &made["key"]["networks"]), (&json!("CI"), &json!(["203.0.113.0/24", "2001:db8::1/128"])));
    let listed = ada.data(KEYS, json!({})).await;
    assert_eq!(listed["apiKeys"][0]["id"], made["key"]["id"]);
    assert!(!listed.to_string().contains(secret));
    assert_eq!(eve.data(KEYS, json!({})).await["apiKeys"], json!([]));
    let foreign = eve.error(REVOKE, json!({ "i": { "id": made["key"]["id"] } })).await;
    assert_eq!(told(&foreign).0, "NOT_FOUND");
    assert_eq!(told(&running.anonymous().error(KEYS, json!({})).await).0, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_is_told_at_once() {
    let running = start().await;
    let ada = running.ada().await;
    let wrong = json!({ "name": " ", "scopes": [], "networks": ["home"], "expiresAt": "2026-03-01T12:00:00Z" });
    let error = ada.error(CREATE, json!({ "i": wrong })).await;
    assert_eq!(told(&error), ("VALIDATION".into(), ["name", "scopes", "expiresAt", "networks.0"].map(String::from).to_vec()));
    assert_eq!(ada.data(KEYS, json!({})).await["apiKeys"], json!([]));
    for _ in 0..100 {
        create(&ada, json!({})).await;
    }
    let error = ada.error(CREATE, json!({ "i": { "name": "one more", "scopes": ["LINKS_READ"] } })).await;
    assert_eq!((told(&error).0.as_str(), error["message"].as_str().unwrap().contains("100")), ("QUOTA_EXCEEDED", true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_may_do_what_its_scopes_say_in_its_workspace() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    eve.create_link("https://example.com/", json!({ "slug": "b" })).await;
    let links = "{ links { totalCount nodes { slug } } }";
    let clicks = "{ clicks { totalCount } clickTotals { clicks } }";
    let nested = "{ links { nodes { clickTotals { clicks } } } }";
    let change = format!("mutation {{ updateLink(input: {{ id: {}, title: \"x\" }}) {{ link {{ version }} }} }}", link["id"]);
    let account = "{ viewer { user { email } } }";
    let keys = "mutation { createApiKey(input: { name: \"x\", scopes: [LINKS_READ] }) { secret } }";
    let forbidden = Some("FORBIDDEN".to_owned());

    let reader = with_scopes(&running, &ada, &["LINKS_READ"]).await;
    assert_eq!(reader.data(links, json!({})).await["links"], json!({ "totalCount": 1, "nodes": [{ "slug": "a" }] }));
    let of_clicks = with_scopes(&running, &ada, &["CLICKS_READ"]).await;
    let writer = with_scopes(&running, &ada, &["LINKS_WRITE"]).await;
    let logger = with_scopes(&running, &ada, &["CLICKS_WRITE"]).await;
    let all = with_scopes(&running, &ada, &["LINKS_READ", "LINKS_WRITE", "CLICKS_READ", "CLICKS_WRITE"]).await;
    for (who, query, may) in [
        (&reader, nested, false),
        (&reader, clicks, false),
        (&reader, change.as_str(), false),
        (&of_clicks, links, false),
        (&of_clicks, clicks, true),
        (&of_clicks, change.as_str(), false),
        (&writer, change.as_str(), true),
        (&writer, links, false),
        (&writer, clicks, false),
        (&logger, links, false),
        (&logger, clicks, false),
        (&logger, "{ workspace { id } }", true),
        (&all, nested, true),
        (&all, account, false),
        (&all, keys, false),
        (&all, KEYS, false),
        (&all, "mutation { signOut { sessionId } }", false),
        (&all, "mutation { rotateSigningSecret { secret } }", false),
        (&all, "mutation { updateWorkspace(input: {}) { workspace { id } } }", false),
    ] {
        assert_eq!(code(who, query).await, if may { None } else { forbidden.clone() }, "{query}");
    }
    // What it lacks is told by the name that it is asked for with.
    let lacks = reader.error(clicks, json!({})).await["message"].as_str().unwrap().to_owned();
    assert_eq!(lacks, "This API key lacks the scope CLICKS_READ. Use one that has it.");
    assert_eq!(code(&all.with_token("ll_live_wrong"), links).await, Some("UNAUTHENTICATED".into()));
    wait_until(PATIENCE, "the key's use is shown", async || ada.data(KEYS, json!({})).await["apiKeys"][0]["lastUsedAt"].as_str().map(drop))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_listens_until_it_is_revoked() {
    let running = start().await;
    let ada = running.ada().await;
    let key = create(&ada, json!({ "scopes": ["CLICKS_READ"] })).await;
    let program = running.anonymous().with_token(&key.secret);
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let mut socket: Subscription = program.subscribe("subscription { clicks { click { url } } }", json!({})).await;
    let mut refused =
        with_scopes(&running, &ada, &["LINKS_READ"]).await.subscribe("subscription { clicks { click { url } } }", json!({})).await;
    assert_eq!(refused.receive().await.unwrap()["payload"][0]["extensions"]["code"], "FORBIDDEN");
    // A subscription that has begun: what is stored from now on comes.
    let mut number = 0;
    let event = loop {
        let report = running.store_clicks(&ada, &link, number..number + 1).await;
        running.announce(report).await;
        number += 1;
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(200), socket.receive()).await {
            break event.unwrap();
        }
    };
    assert_eq!(event["type"], "next");
    ada.data(REVOKE, json!({ "i": { "id": key.id } })).await;
    assert_eq!(code(&program, "{ workspace { id } }").await, Some("UNAUTHENTICATED".into()));
    let closed = loop {
        if let Err(closed) = socket.receive().await {
            break closed;
        }
    };
    assert_eq!(closed, (4403, "session-revoked".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_ends_with_its_time_and_is_bound_to_its_networks() {
    let running = start().await;
    let ada = running.ada().await;
    let query = json!({ "query": "{ workspace { id } }" });
    let ask = async |secret: &str, from: &str| {
        let request = reqwest::Client::new().post(format!("http://{}/graphql", running.authority)).bearer_auth(secret);
        let answer = request.header("x-forwarded-for", from).header("accept", "application/graphql-response+json").json(&query);
        answer.send().await.unwrap().status().as_u16()
    };
    let bound = create(&ada, json!({ "networks": ["203.0.113.0/24"] })).await.secret;
    assert_eq!((ask(&bound, "203.0.113.7").await, ask(&bound, "198.51.100.7").await), (200, 403));
    let ending = create(&ada, json!({ "expiresAt": "2026-03-01T12:01:00Z" })).await.secret;
    assert_eq!(ask(&ending, "198.51.100.7").await, 200);
    running.clock.advance(60_000);
    assert_eq!(ask(&ending, "198.51.100.7").await, 401);
}
