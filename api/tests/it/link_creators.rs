//! Who made a link.

use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{start_each, told};

const LINKS: &str = "query($f: LinkFilter) { links(filter: $f, orderBy: { field: SLUG, direction: ASC }) \
                     { totalCount nodes { slug createdBy } } }";

async fn slugs(api: &GraphQl, filter: Value) -> Vec<String> {
    let links = api.data(LINKS, json!({ "f": filter })).await["links"].take();
    let nodes = links["nodes"].as_array().unwrap();
    assert_eq!(links["totalCount"], nodes.len());
    nodes.iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect()
}

async fn user(api: &GraphQl) -> Value {
    api.data("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_found_by_who_made_them() {
    for running in start_each().await {
        let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
        let (me, other) = (user(&ada).await, user(&eve).await);
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
        let create = "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret } }";
        let input = json!({ "i": { "name": "CI", "scopes": ["LINKS_READ", "LINKS_WRITE"] } });
        let secret = ada.data(create, input).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        let program = running.anonymous().with_token(&secret);
        program.create_link("https://example.com/", json!({ "slug": "by-key" })).await;
        eve.create_link("https://example.com/", json!({ "slug": "hers" })).await;
        let all = ada.data(LINKS, json!({})).await["links"]["nodes"].take();
        assert_eq!(all, json!([{ "slug": "a", "createdBy": me }, { "slug": "by-key", "createdBy": me }]));
        // One alone is as good as a list of one.
        for filter in [json!({ "createdBy": me }), json!({ "createdBy": [me, other] })] {
            assert_eq!(slugs(&ada, filter).await, ["a", "by-key"]);
        }
        assert_eq!(slugs(&program, json!({ "createdBy": [me], "search": "key" })).await, ["by-key"]);
        assert!(slugs(&ada, json!({ "createdBy": [other] })).await.is_empty());
        assert!(slugs(&ada, json!({ "createdBy": [null] })).await.is_empty());
        assert_eq!(slugs(&eve, json!({ "createdBy": [other] })).await, ["hers"]);
        let error = ada.error(LINKS, json!({ "f": { "createdBy": [me, "ada"] } })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec!["filter.createdBy.1".to_owned()]));
    }
}
