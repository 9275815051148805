//! Links on a domain, and addresses that may not lead to one.

use std::time::Duration;

use domain::LinkAddress;
use serde_json::{Value, json};
use stream::{LinkEvent, LinkNotices as _, LocalNotices};

use super::{REMOVE, add, text, update};
use crate::fixture::{Setup, start, start_with, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_made_and_found_on_a_domain() {
    let notices = LocalNotices::default();
    let running = start_with(Setup { notices: notices.clone(), ..Setup::default() }).await;
    let ada = running.ada().await;
    let domain = add(&ada, "go.acme.example").await;
    let create = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id slug domain shortUrl } warnings { code } } }";
    let mut heard = notices.follow().await.unwrap();
    let made = ada.data(create, json!({ "i": { "targetUrl": "https://example.com/", "slug": "Sale", "domain": "GO.acme.example" } })).await;
    let made = &made["createLink"];
    assert_eq!(made["warnings"], json!([{ "code": "DOMAIN_NOT_VERIFIED" }]));
    assert_eq!((text(&made["link"], "shortUrl"), text(&made["link"], "domain")), ("https://go.acme.example/Sale", "go.acme.example"));
    let address = LinkAddress::on(text(&domain, "id").parse().unwrap(), "sale");
    let event = tokio::time::timeout(Duration::from_secs(5), futures_util::StreamExt::next(&mut heard)).await.unwrap();
    assert_eq!(event, Some(LinkEvent::Changed { address }));
    // Lists are by time.
    running.clock.advance(1);
    let shared = ada.create_link("https://example.com/", json!({ "slug": "sale", "domain": "Go.example" })).await;
    assert_eq!(text(&shared, "shortUrl"), "https://go.example/sale");
    for (short_url, wanted) in [("https://go.acme.example/SALE", &made["link"]["id"]), ("https://go.example/SALE", &shared["id"])] {
        let found = ada.data("query($u: String!) { link(by: { shortUrl: $u }) { id } }", json!({ "u": short_url })).await;
        assert_eq!(&found["link"]["id"], wanted, "{short_url}");
    }
    let listed = ada.data("{ links { nodes { domain shortUrl } } }", json!({})).await["links"]["nodes"].take();
    assert!(
        listed.as_array().unwrap().contains(&json!({ "domain": "go.acme.example", "shortUrl": "https://go.acme.example/Sale" })),
        "{listed}"
    );
    for (hosts, wanted) in [
        (json!(["GO.acme.example"]), json!(["Sale"])),
        (json!(["go.example"]), json!(["sale"])),
        (json!(["go.example", "go.acme.example"]), json!(["sale", "Sale"])),
        (json!(["other.example"]), json!([])),
    ] {
        let query = "query($d: [String!]) { links(filter: { domains: $d }) { totalCount nodes { slug } } }";
        let listed = ada.data(query, json!({ "d": hosts })).await["links"].take();
        let slugs: Vec<&Value> = listed["nodes"].as_array().unwrap().iter().map(|node| &node["slug"]).collect();
        assert_eq!((json!(slugs), listed["totalCount"].as_u64().unwrap() as usize), (wanted, slugs.len()), "{hosts}");
    }
    let error = ada.error(create, json!({ "i": { "targetUrl": "https://example.com/", "slug": "sale", "domain": domain["id"] } })).await;
    assert_eq!(told(&error).0, "CONFLICT");
    for (domain, target, field) in [
        ("other.example", "https://example.com/", "domain"),
        ("dom_x", "https://example.com/", "domain"),
        ("go.acme.example", "https://go.acme.example/x", "targetUrl"),
    ] {
        let error = ada.error(create, json!({ "i": { "targetUrl": target, "domain": domain } })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec![field.into()]), "{domain}");
    }
    let loops = json!({ "i": { "id": made["link"]["id"], "targetUrl": "https://go.acme.example/x" } });
    let error = ada.error("mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { id } } }", loops).await;
    assert_eq!(told(&error), ("VALIDATION".into(), vec!["targetUrl".into()]));
    let error = ada.error(&update(), json!({ "i": { "id": domain["id"], "caseSensitive": true } })).await;
    assert_eq!((told(&error).0.as_str(), &error["extensions"]["field"]), ("CONFLICT", &json!("caseSensitive")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_leads_back_to_where_links_are_served() {
    let running = start().await;
    let ada = running.ada().await;
    let (one, _) = (add(&ada, "go.acme.example").await, add(&ada, "acme.link.example").await);
    let link = ada.create_link("https://example.com/", json!({ "domain": "go.acme.example" })).await;
    let create = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id } } }";
    let change = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { id } } }";
    let refused = async |query: &str, known: Value, field: &str, input: Value| {
        let mut whole = known;
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        assert_eq!(told(&ada.error(query, json!({ "i": whole })).await), ("VALIDATION".into(), vec![field.into()]), "{field}: {whole}");
    };
    for url in ["https://go.example/x", "https://go.acme.example/x", "http://ACME.link.example:8081"] {
        for (field, input) in [
            ("targetUrl", json!({ "targetUrl": url })),
            ("fallbackUrl", json!({ "fallbackUrl": url })),
            ("imageUrl", json!({ "imageUrl": url })),
            ("rules.0.targetUrl", json!({ "rules": [{ "targetUrl": url }] })),
            ("rules.0.variants.0.targetUrl", json!({ "rules": [{ "variants": [{ "name": "A", "targetUrl": url, "weight": 1 }] }] })),
        ] {
            for domain in [Value::Null, json!("go.acme.example")] {
                refused(create, json!({ "targetUrl": "https://example.com/", "domain": domain }), field, input.clone()).await;
            }
            refused(change, json!({ "id": link["id"] }), field, input).await;
        }
        for field in ["rootUrl", "notFoundUrl", "expiredUrl"] {
            refused(&update(), json!({ "id": one["id"] }), field, json!({ field: url })).await;
        }
        let sign = "mutation($i: SignRedirectUrlInput!) { signRedirectUrl(input: $i) { url } }";
        refused(sign, json!({ "expiresAt": "2026-03-02T12:00:00Z" }), "targetUrl", json!({ "targetUrl": url })).await;
    }
    // What others have, or nobody has any more, is an address like any other.
    running.anonymous().sign_up("eve").await.create_link("https://go.acme.example/x", json!({})).await;
    ada.data(REMOVE, json!({ "i": { "id": one["id"] } })).await;
    ada.create_link("https://go.acme.example/x", json!({})).await;
}
