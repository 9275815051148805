//! What a link says of its own clicks, and a list of links of those of each.

use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{Running, start_each, told};

async fn links_with_clicks(running: &Running, ada: &GraphQl) -> [Value; 3] {
    let links = [
        ada.create_link("https://example.com/a", json!({})).await,
        ada.create_link("https://example.com/b", json!({})).await,
        ada.create_link("https://example.com/c", json!({})).await,
    ];
    running.store_clicks(ada, &links[0], -20..0).await;
    running.store_clicks(ada, &links[1], -7..0).await;
    links
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_has_its_clicks() {
    for running in start_each().await {
        let ada = running.ada().await;
        let [a, b, c] = links_with_clicks(&running, &ada).await;
        let query = "query($l: ID!, $f: ClickFilter, $n: Int, $a: String, $o: ClickOrder! = NEWEST) { link(by: { id: $l }) {
            clicks(filter: $f, first: $n, after: $a, order: $o) { nodes { id link { id } verdict } totalCount pageInfo { hasNextPage endCursor } } } }";
        let clicks = async |variables: Value| ada.data(query, variables).await["link"]["clicks"].take();
        let all = "query($f: ClickFilter, $o: ClickOrder! = NEWEST) { clicks(filter: $f, order: $o) { nodes { id link { id } verdict } } }";
        for order in ["NEWEST", "STORED"] {
            let of_b = ada.data(all, json!({ "f": { "linkIds": [b["id"]] }, "o": order })).await["clicks"]["nodes"].take();
            // Whatever link the filter names.
            let found = clicks(json!({ "l": b["id"], "f": { "linkIds": [a["id"]] }, "o": order })).await;
            assert_eq!((&found["nodes"], &found["totalCount"]), (&of_b, &json!(7)), "{order}");
            let first = clicks(json!({ "l": b["id"], "n": 5, "o": order })).await;
            assert_eq!((&first["pageInfo"]["hasNextPage"], &first["totalCount"]), (&json!(true), &json!(7)));
            let rest = clicks(json!({ "l": b["id"], "a": first["pageInfo"]["endCursor"], "o": order })).await;
            assert_eq!(rest["nodes"], json!(of_b.as_array().unwrap()[5..]), "{order}");
        }
        assert_eq!(clicks(json!({ "l": a["id"], "f": { "verdicts": ["BOT"] } })).await["totalCount"], 10);
        assert_eq!(clicks(json!({ "l": c["id"] })).await["nodes"], json!([]));
        let (code, paths) = told(&ada.error(query, json!({ "l": a["id"], "n": 101, "a": "x" })).await);
        assert_eq!((code.as_str(), paths), ("VALIDATION", vec!["first".into(), "after".into()]));
        let once = "{ links { nodes { clicks { nodes { link { slug } } } } } }";
        assert_eq!(ada.data(once, json!({})).await["links"]["nodes"].as_array().unwrap().len(), 3);
        // Lists of clicks within each other's links would be as many clicks as there are pages to the power of them.
        let nested = "{ links { nodes { clicks { nodes { link { clicks { nodes { link { clicks { nodes { id } } } } } } } } } } }";
        assert!(ada.send(nested, json!({})).await["errors"].is_array());
    }
}
