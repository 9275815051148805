//! Domains: adding, proving, changing and removing them, against a real DNS server.

mod lapse;
mod links;

use std::sync::Arc;

use api::DnsResolver;
use domain::HostName;
use serde_json::{Value, json};
use testkit::{DnsServer, GraphQl};

use crate::fixture::{Running, Setup, start, start_with, told};

const FIELDS: &str = "id host status problem version verifiedAt checkedAt lapsedSince rootUrl notFoundUrl expiredUrl caseSensitive hsts \
                      appleAppSiteAssociation assetLinks robots records { type name value purpose }";
const DAY: i64 = 24 * 3_600_000;

async fn add(api: &GraphQl, host: &str) -> Value {
    let query = format!("mutation($i: AddDomainInput!) {{ addDomain(input: $i) {{ domain {{ {FIELDS} }} }} }}");
    api.data(&query, json!({ "i": { "host": host } })).await["addDomain"]["domain"].take()
}

fn verify() -> String {
    format!("mutation($i: VerifyDomainInput!) {{ verifyDomain(input: $i) {{ domain {{ {FIELDS} }} }} }}")
}

fn update() -> String {
    format!("mutation($i: UpdateDomainInput!) {{ updateDomain(input: $i) {{ domain {{ {FIELDS} }} }} }}")
}

const REMOVE: &str = "mutation($i: RemoveDomainInput!) { removeDomain(input: $i) { removedId } }";

/// A minute later, so that it may be asked again.
async fn verified(running: &Running, api: &GraphQl, domain: &Value) -> Value {
    running.clock.advance(60_000);
    api.data(&verify(), json!({ "i": { "id": domain["id"] } })).await["verifyDomain"]["domain"].take()
}

async fn with_dns(dns: &DnsServer) -> Running {
    start_with(Setup { resolver: Arc::new(DnsResolver::new(Some(dns.address())).unwrap()), ..Setup::default() }).await
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_is_verified_by_its_record_in_dns() {
    let mut dns = DnsServer::start();
    let running = with_dns(&dns).await;
    let ada = running.ada().await;
    let domain = add(&ada, " Go.Bücher.example. ").await;
    assert_eq!((text(&domain, "host"), text(&domain, "status")), ("go.xn--bcher-kva.example", "PENDING"));
    let proof = domain["records"][0].clone();
    assert_eq!((text(&proof, "type"), text(&proof, "purpose")), ("TXT", "PROOF"));
    assert_eq!(text(&proof, "name"), "_linklogger.go.xn--bcher-kva.example");
    let traffic = json!({ "type": "CNAME", "name": "go.xn--bcher-kva.example", "value": "go.example", "purpose": "TRAFFIC" });
    assert_eq!(domain["records"][1], traffic);

    let failed = verified(&running, &ada, &domain).await;
    assert_eq!(text(&failed, "status"), "FAILED");
    assert!(text(&failed, "problem").starts_with("There is no TXT record at _linklogger.go.xn--bcher-kva.example."), "{failed}");
    assert!(text(&failed, "problem").contains(text(&proof, "value")));
    dns.set_texts(text(&proof, "name"), &["something else", "v=spf1 -all"]);
    let failed = verified(&running, &ada, &domain).await;
    assert!(text(&failed, "problem").contains("\"something else\""), "{failed}");
    // The right one may stand among others.
    dns.set_texts(text(&proof, "name"), &["something else", text(&proof, "value")]);
    let done = verified(&running, &ada, &domain).await;
    assert_eq!((text(&done, "status"), &done["problem"]), ("VERIFIED", &Value::Null));
    assert!(done["verifiedAt"].is_string() && done["checkedAt"] == done["verifiedAt"]);
    let host = HostName::from_store(text(&domain, "host").into());
    assert!(running.store.resolve_host(&host).await.unwrap().is_some());
    let listed = ada.data(&format!("{{ domains {{ {FIELDS} }} }}"), json!({})).await["domains"].take();
    assert_eq!(listed, json!([done]));

    assert_eq!(ada.data(REMOVE, json!({ "i": { "id": domain["id"] } })).await["removeDomain"]["removedId"], domain["id"]);
    assert_eq!(running.store.resolve_host(&host).await.unwrap(), None);
    assert_eq!(told(&ada.error(&verify(), json!({ "i": { "id": domain["id"] } })).await).0, "NOT_FOUND");
    // Another proof is asked for when it comes back.
    let again = add(&ada, "go.bücher.example").await;
    assert_ne!(again["records"][0]["value"], proof["value"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dns_is_not_asked_again_and_again_and_may_be_away() {
    let mut dns = DnsServer::start();
    let running = with_dns(&dns).await;
    let ada = running.ada().await;
    let domain = add(&ada, "go.acme.example").await;
    let input = json!({ "i": { "id": domain["id"] } });
    verified(&running, &ada, &domain).await;
    let error = ada.error(&verify(), input.clone()).await;
    assert_eq!((told(&error).0.as_str(), &error["extensions"]["retryAfter"]), ("RATE_LIMITED", &json!(10)));
    running.clock.advance(10_000);
    dns.kill();
    let error = ada.error(&verify(), input.clone()).await;
    assert_eq!(told(&error).0, "UNAVAILABLE", "{error}");
    dns.restart();
    // Refused by the server is no answer either.
    let refused = add(&ada, "go.acme.test").await;
    running.clock.advance(10_000);
    assert_eq!(told(&ada.error(&verify(), json!({ "i": { "id": refused["id"] } })).await).0, "UNAVAILABLE");
    let listed = ada.data("{ domains { status } }", json!({})).await["domains"].take();
    assert_eq!(listed, json!([{ "status": "FAILED" }, { "status": "PENDING" }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_one_workspaces() {
    let mut dns = DnsServer::start();
    let running = with_dns(&dns).await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let (mine, hers) = (add(&ada, "go.acme.example").await, add(&eve, "go.acme.example").await);
    assert_ne!(mine["records"][0]["value"], hers["records"][0]["value"]);
    // Whoever runs the DNS has made both.
    let values = [text(&mine["records"][0], "value"), text(&hers["records"][0], "value")];
    dns.set_texts("_linklogger.go.acme.example", &values);
    assert_eq!(text(&verified(&running, &ada, &mine).await, "status"), "VERIFIED");
    let fails = async |domain: &Value| {
        running.clock.advance(60_000);
        eve.error(&verify(), json!({ "i": { "id": domain["id"] } })).await
    };
    let error = fails(&hers).await;
    assert_eq!((told(&error).0.as_str(), &error["extensions"]["field"]), ("CONFLICT", &json!("host")));
    assert_eq!(told(&fails(&mine).await).0, "NOT_FOUND");
    for (query, input) in [(update(), json!({ "id": mine["id"], "hsts": true })), (REMOVE.to_owned(), json!({ "id": mine["id"] }))] {
        assert_eq!(told(&eve.error(&query, json!({ "i": input })).await).0, "NOT_FOUND", "{query}");
    }
    let error = eve
        .error(
            "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id } } }",
            json!({ "i": { "targetUrl": "https://example.com/", "domain": mine["id"] } }),
        )
        .await;
    assert_eq!(told(&error), ("VALIDATION".into(), vec!["domain".into()]));

    ada.data(REMOVE, json!({ "i": { "id": mine["id"] } })).await;
    let error = fails(&hers).await;
    assert!(told(&error).0 == "CONFLICT" && text(&error, "message").contains("30 days"), "{error}");
    running.clock.advance(30 * DAY);
    // Sessions ended meanwhile.
    let eve = running.anonymous().sign_in("eve").await;
    assert_eq!(text(&verified(&running, &eve, &hers).await, "status"), "VERIFIED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_and_settings_that_cannot_be_are_told_at_once() {
    let running = start().await;
    let ada = running.ada().await;
    let add_query = "mutation($i: AddDomainInput!) { addDomain(input: $i) { domain { id } } }";
    for host in [
        "",
        "acme",
        "localhost",
        "10.0.0.1",
        "[::1]",
        "go.acme.example:80",
        "https://acme.example",
        "*.acme.example",
        "go.example",
        "links.example",
    ] {
        assert_eq!(
            told(&ada.error(add_query, json!({ "i": { "host": host } })).await),
            ("VALIDATION".into(), vec!["host".into()]),
            "{host}"
        );
    }
    let domain = add(&ada, "go.acme.example").await;
    let error = ada.error(add_query, json!({ "i": { "host": "GO.acme.example" } })).await;
    assert_eq!((told(&error).0.as_str(), &error["extensions"]["field"]), ("CONFLICT", &json!("host")));
    let bad = json!({
        "id": domain["id"],
        "rootUrl": "https://go.acme.example/x",
        "notFoundUrl": "javascript:alert(1)",
        "expiredUrl": "https://go.example/loop",
        "appleAppSiteAssociation": "{",
        "assetLinks": format!("[\"{}\"]", "a".repeat(65_536)),
        "robots": "a\u{7}",
        "hsts": true,
    });
    let paths = ["rootUrl", "notFoundUrl", "expiredUrl", "appleAppSiteAssociation", "assetLinks", "robots"].map(String::from);
    assert_eq!(told(&ada.error(&update(), json!({ "i": bad })).await), ("VALIDATION".into(), paths.to_vec()));
    let good = json!({
        "id": domain["id"], "expectedVersion": 1, "rootUrl": "https://ACME.example", "notFoundUrl": "https://acme.example/404",
        "expiredUrl": "https://acme.example/over", "hsts": true, "appleAppSiteAssociation": "{\"applinks\":{}}", "assetLinks": "[]",
        "robots": "User-agent: *\nDisallow: /",
    });
    let changed = ada.data(&update(), json!({ "i": good })).await["updateDomain"]["domain"].take();
    assert_eq!((text(&changed, "rootUrl"), &changed["hsts"], &changed["version"]), ("https://acme.example/", &json!(true), &json!(2)));
    let error = ada.error(&update(), json!({ "i": { "id": domain["id"], "expectedVersion": 1, "hsts": false } })).await;
    assert_eq!((told(&error).0.as_str(), &error["extensions"]["field"]), ("CONFLICT", &json!("expectedVersion")));
    // Absent fields stay, null clears.
    let cleared =
        ada.data(&update(), json!({ "i": { "id": domain["id"], "rootUrl": null, "hsts": null } })).await["updateDomain"]["domain"].take();
    assert_eq!((&cleared["rootUrl"], &cleared["hsts"], text(&cleared, "assetLinks")), (&Value::Null, &json!(false), "[]"));
    for (query, input) in
        [(verify(), json!({ "id": "dom_x" })), (update(), json!({ "id": "dom_x" })), (REMOVE.to_owned(), json!({ "id": "dom_x" }))]
    {
        assert_eq!(told(&ada.error(&query, json!({ "i": input })).await).0, "NOT_FOUND");
        assert_eq!(told(&running.anonymous().error(&query, json!({ "i": input })).await).0, "UNAUTHENTICATED");
    }
}
