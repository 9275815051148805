//! What links say of themselves, and what visitors report of them.

use reqwest::Response;
use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{Running, start, told};

const REPORTS: &str = "query($a: String) { linkReports(first: 2, after: $a) { totalCount nodes { id reason text createdAt resolvedAt link { slug } } pageInfo { hasNextPage endCursor } } }";

async fn post(running: &Running, from: &str, body: String) -> Response {
    let request = reqwest::Client::new().post(format!("http://{}/report", running.authority)).header("x-forwarded-for", from);
    // As a browser sends a form from a page of another origin.
    let request = request.header("origin", "https://go.example").header("content-type", "application/x-www-form-urlencoded");
    request.body(body).send().await.unwrap()
}

/// A report with that text, and the status of the answer.
pub async fn report(running: &Running, link: &Value, text: &str) -> u16 {
    running.clock.advance(1);
    let body = format!("link={}&reason=spam&text={text}", link["id"].as_str().unwrap());
    post(running, "203.0.113.1", body).await.status().as_u16()
}

async fn reports(api: &GraphQl) -> Value {
    api.data(REPORTS, json!({})).await["linkReports"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_reaches_the_workspace_and_is_resolved() {
    let running = start().await;
    let (ada, mallory) = (running.ada().await, running.anonymous().sign_up("mallory").await);
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let id = link["id"].as_str().unwrap();
    for (number, reason) in ["phishing", "spam", "other"].iter().enumerate() {
        running.clock.advance(1);
        let answer = post(&running, "203.0.113.1", format!("link={id}&reason={reason}&text=%3Cb%3E+line%0D%0A{number}")).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["x-content-type-options"].to_str().unwrap()), (200, "nosniff"));
        assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert!(answer.text().await.unwrap().contains("Thank you"));
    }
    let page = reports(&ada).await;
    let nodes = page["nodes"].as_array().unwrap();
    assert_eq!((&page["totalCount"], &page["pageInfo"]["hasNextPage"]), (&json!(3), &json!(true)));
    assert_eq!((&nodes[0]["reason"], &nodes[0]["text"], &nodes[0]["link"]["slug"]), (&json!("OTHER"), &json!("<b> line\n2"), &json!("a")));
    assert_eq!((&nodes[0]["createdAt"], &nodes[0]["resolvedAt"]), (&json!("2026-03-01T12:00:00.003Z"), &Value::Null));
    let rest = ada.data(REPORTS, json!({ "a": page["pageInfo"]["endCursor"] })).await["linkReports"].take();
    assert_eq!(rest["nodes"].as_array().unwrap().iter().map(|node| &node["reason"]).collect::<Vec<_>>(), ["PHISHING"]);
    let resolve = "mutation($i: ResolveLinkReportInput!) { resolveLinkReport(input: $i) { report { id resolvedAt } } }";
    let input = json!({ "i": { "id": nodes[0]["id"] } });
    assert_eq!(mallory.error(resolve, input.clone()).await["extensions"]["code"], "NOT_FOUND");
    assert_eq!(reports(&mallory).await["totalCount"], 0);
    for _ in 0..2 {
        let resolved = ada.data(resolve, input.clone()).await;
        assert_eq!(resolved["resolveLinkReport"]["report"]["resolvedAt"], "2026-03-01T12:00:00.003Z");
    }
    assert_eq!(reports(&ada).await["totalCount"], 2);
    for wrong in ["rpt_x", id] {
        assert_eq!(ada.error(resolve, json!({ "i": { "id": wrong } })).await["extensions"]["code"], "NOT_FOUND");
    }
    assert_eq!(running.anonymous().error(REPORTS, json!({})).await["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_report_is_told_and_nothing_is_kept() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({})).await;
    let id = link["id"].as_str().unwrap();
    let none = "lnk_00000000000000000000000000";
    for (body, status, words) in [
        (format!("link={id}&reason=boring&text={}", "a".repeat(1_001)), 400, &["Choose one of the reasons.", "at most 1,000"][..]),
        ("reason=spam".into(), 400, &["names no link"]),
        ("\u{0}\u{ff}%ff=%zz&&&".into(), 400, &["names no link", "Choose"]),
        (format!("link={none}&reason=spam"), 404, &["does not exist"]),
        (format!("link={id}&reason=spam&text={}", "a".repeat(20_000)), 413, &["too long"]),
    ] {
        let answer = post(&running, "203.0.113.1", body.clone()).await;
        assert_eq!(answer.status(), status, "{body:.40}");
        let page = answer.text().await.unwrap();
        assert!(words.iter().all(|word| page.contains(word)) && !page.contains("boring"), "{page}");
    }
    let url = format!("http://{}/report", running.authority);
    let json = reqwest::Client::new().post(&url).json(&json!({ "link": id })).send().await.unwrap();
    assert_eq!(json.status(), 415);
    assert!(reqwest::get(&url).await.unwrap().text().await.unwrap().contains("Add + to"));
    assert_eq!(reqwest::Client::new().delete(&url).send().await.unwrap().status(), 405);
    assert_eq!(reports(&ada).await["totalCount"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_sends_so_many_reports_and_a_link_takes_so_many() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({})).await;
    let body = format!("link={}&reason=spam", link["id"].as_str().unwrap());
    for _ in 0..10 {
        assert_eq!(post(&running, "203.0.113.1", body.clone()).await.status(), 200);
    }
    let refused = post(&running, "203.0.113.1", body.clone()).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "120"));
    for number in 0..60 {
        assert_eq!(post(&running, &format!("198.51.100.{number}"), body.clone()).await.status(), 200);
    }
    assert_eq!(reports(&ada).await["totalCount"], 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_link_says_of_itself_is_kept_cleared_and_checked() {
    let running = start().await;
    let ada = running.ada().await;
    let create = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id title description imageUrl version } } }";
    let input =
        json!({ "targetUrl": "https://example.com/", "title": "T", "description": " All of it ", "imageUrl": "https://EXAMPLE.com/i.png" });
    let link = ada.data(create, json!({ "i": input })).await["createLink"]["link"].take();
    assert_eq!((&link["description"], &link["imageUrl"]), (&json!("All of it"), &json!("https://example.com/i.png")));
    let update = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { title description imageUrl } } }";
    let change = async |input: Value| {
        let mut input = input;
        input["id"] = link["id"].clone();
        ada.send(update, json!({ "i": input })).await
    };
    let bad = json!({ "description": "a".repeat(501), "imageUrl": "javascript:alert(1)" });
    assert_eq!(told(&change(bad).await["errors"][0]), ("VALIDATION".into(), vec!["description".into(), "imageUrl".into()]));
    let after = change(json!({ "description": null, "title": "U" })).await["data"]["updateLink"]["link"].take();
    assert_eq!(after, json!({ "title": "U", "description": null, "imageUrl": "https://example.com/i.png" }));
    let after = change(json!({ "imageUrl": "" })).await["data"]["updateLink"]["link"].take();
    assert_eq!(after["imageUrl"], Value::Null);
}
