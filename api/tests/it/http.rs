//! GraphQL over HTTP: what is taken, what is refused, and how.

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::fixture::{Running, start, told};

const GRAPHQL: &str = "application/graphql-response+json";

fn post(running: &Running) -> RequestBuilder {
    Client::new().post(format!("http://{}/graphql", running.authority))
}

async fn json_of(response: Response) -> (StatusCode, Value) {
    assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_json_objects_of_a_bounded_size_are_taken() {
    let running = start().await;
    let cases = [
        ("text/plain", r#"{"query":"{ __typename }"}"#.to_owned(), 415),
        ("application/x-www-form-urlencoded", "query={__typename}".to_owned(), 415),
        ("application/json", "{".to_owned(), 400),
        ("application/json", "[]".to_owned(), 400),
        ("application/json", r#"[{"query":"{ __typename }"}]"#.to_owned(), 400),
        ("application/json", r#"{"query":7}"#.to_owned(), 400),
        ("application/json", r#"{"query":"{ __typename }","variables":[1]}"#.to_owned(), 400),
        ("application/json", format!(r#"{{"query":"{}"}}"#, " ".repeat(300_000)), 413),
        ("application/json; charset=utf-8", r#"{"query":"{ __typename }"}"#.to_owned(), 200),
    ];
    for (content_type, body, wanted) in cases {
        let start = body[..body.len().min(40)].to_owned();
        let (status, answer) = json_of(post(&running).header("content-type", content_type).body(body).send().await.unwrap()).await;
        assert_eq!(status.as_u16(), wanted, "{content_type} {start}");
        assert_eq!(answer.get("errors").is_some(), wanted != 200, "{answer}");
    }
    let get = reqwest::get(format!("http://{}/graphql?query={{__typename}}", running.authority)).await.unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_takes_other_methods_says_which() {
    let running = start().await;
    for (method, path, allowed, says) in [
        (Method::GET, "/conversions", "POST", "conversion"),
        (Method::POST, "/export", "GET, HEAD", "GET"),
        (Method::DELETE, "/export/workspace", "GET, HEAD", "GET"),
        (Method::PUT, "/graphql", "POST", "WebSocket"),
    ] {
        let answer = Client::new().request(method, format!("http://{}{path}", running.authority)).send().await.unwrap();
        assert_eq!(answer.headers()["allow"], allowed, "{path}");
        let (status, body) = json_of(answer).await;
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert!(status == 405 && message.contains(says), "{path}: {message}");
        assert_eq!(message.contains("GraphQL requests"), path == "/graphql", "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_follows_what_the_client_accepts() {
    let running = start().await;
    let ask = async |accept: &str, query: &str| {
        let response = post(&running).header("accept", accept).json(&json!({ "query": query })).send().await.unwrap();
        let media = response.headers()["content-type"].to_str().unwrap().to_owned();
        (media, json_of(response).await)
    };
    for (query, status) in [("{ __typename }", 200), ("{ nope }", 400), ("{", 400), ("subscription { clicks { cursor } }", 400)] {
        let (media, (modern, body)) = ask(GRAPHQL, query).await;
        assert_eq!((media.as_str(), modern.as_u16()), ("application/graphql-response+json; charset=utf-8", status), "{query}");
        assert_eq!(body.get("data").is_none(), status == 400, "{body}");
        let (media, (legacy, _)) = ask("application/json", query).await;
        assert_eq!((media.as_str(), legacy.as_u16()), ("application/json; charset=utf-8", 200), "{query}");
    }
    assert_eq!(ask("text/html", "{ __typename }").await.1.0.as_u16(), 406);
    // A field's failure leaves the others as they are.
    let (_, (status, body)) = ask(GRAPHQL, "{ viewer { user { id } } __typename }").await;
    assert_eq!((status.as_u16(), &body["data"]), (200, &json!({ "viewer": null, "__typename": "Query" })));
    assert_eq!((told(&body["errors"][0]).0.as_str(), &body["errors"][0]["path"]), ("UNAUTHENTICATED", &json!(["viewer"])));
    let bad = post(&running).header("accept", GRAPHQL).bearer_auth("x").json(&json!({ "query": "{ __typename }" })).send().await.unwrap();
    assert_eq!(bad.status().as_u16(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_limited() {
    let running = start().await;
    let deep = format!("{{ links {{ {}nodes {{ id }}{} }} }}", "edges { node { ".repeat(0), "");
    let aliases: String = (0..31).map(|i| format!("a{i}: __typename ")).collect();
    let many = "__typename ".repeat(31);
    let long = format!("{{ __typename {} }}", "@include(if: true) ".repeat(17));
    let nested = format!(
        "{{ __schema {{ types {{ fields {{ type {} {} }} }} }} }}",
        "{ ofType ".repeat(14),
        "{ name }".to_owned() + &" }".repeat(14)
    );
    assert_eq!(running.anonymous().send(&deep, json!({})).await["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    for query in [format!("{{ {aliases} }}"), format!("{{ {many} }}"), long, nested] {
        assert_eq!(told(&running.anonymous().error(&query, json!({})).await).0, "VALIDATION", "{query}");
    }
    // What tools ask for passes.
    let introspection = include_str!("introspection.graphql");
    assert!(running.anonymous().data(introspection, json!({})).await["__schema"]["types"].is_array());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_origins_are_refused_and_ours_are_told_so() {
    let running = start().await;
    let ours = post(&running).header("origin", "https://app.example").json(&json!({ "query": "{ __typename }" })).send().await.unwrap();
    assert_eq!(ours.status().as_u16(), 200);
    assert_eq!(ours.headers()["access-control-allow-origin"], "https://app.example");
    let theirs = post(&running).header("origin", "https://evil.example").json(&json!({ "query": "{ __typename }" })).send().await.unwrap();
    assert_eq!(theirs.status().as_u16(), 403);
    assert!(theirs.headers().get("access-control-allow-origin").is_none());
    assert!(theirs.text().await.unwrap().contains("LINKLOGGER_ALLOWED_ORIGINS"));
    let preflight = Client::new().request(reqwest::Method::OPTIONS, format!("http://{}/graphql", running.authority));
    let preflight = preflight.header("origin", "https://app.example").header("access-control-request-method", "POST").send().await.unwrap();
    assert_eq!((preflight.status().as_u16(), &preflight.headers()["access-control-allow-methods"]), (204, &"POST".parse().unwrap()));
    assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_keys_are_published() {
    let running = start().await;
    let keys: Value = reqwest::get(format!("http://{}/.well-known/jwks.json", running.authority)).await.unwrap().json().await.unwrap();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    assert!(key["x"].as_str().unwrap().len() == 43 && key.get("d").is_none());
    assert_eq!(reqwest::get(format!("http://{}/nothing", running.authority)).await.unwrap().status().as_u16(), 404);
}
