//! What a link says of its own clicks, and a list of links of those of each.

use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{Running, start, start_each, told};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_links_has_the_totals_of_each() {
    for running in start_each().await {
        let ada = running.ada().await;
        let links = links_with_clicks(&running, &ada).await;
        let fields =
            "clicks human bots withoutVisitor dailyUniques redirectMicrosP50 misses dataFrom source liveCursor previous { clicks from }";
        let range = "filter: { from: \"2026-03-01T11:50:00Z\", to: \"2026-03-01T12:00:00Z\" }";
        let totals = format!(
            "all: clickTotals {{ {fields} }} late: clickTotals({range}, compare: PREVIOUS_PERIOD) {{ {fields} }} \
             german: clickTotals(filter: {{ countries: [\"DE\"] }}) {{ {fields} }} two: clickTotals(filter: {{ countries: [\"DE\"], devices: [MOBILE] }}) {{ {fields} }}"
        );
        let listed = ada.data(&format!("{{ links {{ nodes {{ id {totals} }} }} }}"), json!({})).await["links"]["nodes"].take();
        for link in &links {
            let alone =
                ada.data(&format!("query($l: ID!) {{ link(by: {{ id: $l }}) {{ id {totals} }} }}"), json!({ "l": link["id"] })).await;
            let beside = listed.as_array().unwrap().iter().find(|listed| listed["id"] == link["id"]).unwrap();
            assert_eq!(*beside, alone["link"]);
            // As the same question of all links says of one.
            let query = format!("query($f: ClickFilter) {{ clickTotals(filter: $f) {{ {fields} }} }}");
            let root = ada.data(&query, json!({ "f": { "linkIds": [link["id"]] } })).await["clickTotals"].take();
            assert_eq!(beside["all"], root);
        }
        let of_first = listed.as_array().unwrap().iter().find(|listed| listed["id"] == links[0]["id"]).unwrap();
        let counted = |name: &str| [&of_first[name]["clicks"], &of_first[name]["previous"]["clicks"], &of_first[name]["source"]];
        assert_eq!(counted("all"), [&json!(10), &Value::Null, &json!("ROLLUP")]);
        assert_eq!(counted("late"), [&json!(5), &json!(5), &json!("CLICKS")]);
        assert_eq!(counted("german"), [&json!(10), &Value::Null, &json!("ROLLUP")]);
        assert_eq!(counted("two"), [&json!(10), &Value::Null, &json!("CLICKS")]);
    }
}

/// One question that makes no sense keeps no other one from its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_questions_of_a_list_are_told_beside_the_answers() {
    let running = start().await;
    let ada = running.ada().await;
    links_with_clicks(&running, &ada).await;
    let query = "{ links { nodes { good: clickTotals { clicks } bad: clickTotals(filter: { browsers: [] }) { clicks } } } }";
    let answer = ada.send(query, json!({})).await;
    let nodes = answer["data"]["links"]["nodes"].as_array().unwrap();
    let mut clicks: Vec<u64> = nodes.iter().map(|node| node["good"]["clicks"].as_u64().unwrap()).collect();
    clicks.sort_unstable();
    assert_eq!(clicks, [0, 3, 10]);
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 3);
    for error in errors {
        assert_eq!(told(error), ("VALIDATION".into(), vec!["filter.browsers".into()]));
    }
    let key = |scope: &str| format!("mutation {{ createApiKey(input: {{ name: \"x\", scopes: [{scope}] }}) {{ secret }} }}");
    let secret = ada.data(&key("LINKS_READ"), json!({})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
    let answer = running
        .anonymous()
        .with_token(&secret)
        .send("{ links { nodes { clickTotals { clicks } clicks { totalCount } } } }", json!({}))
        .await;
    assert!(answer["errors"].as_array().unwrap().iter().all(|error| told(error).0 == "FORBIDDEN"), "{answer}");
}
