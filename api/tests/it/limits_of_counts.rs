//! What nobody should ask of counts and lists is refused at once, with what is possible.

use std::time::{Duration, Instant};

use domain::RuleId;
use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{NOON, start, told};

/// Of one answer; a scan of anything would take longer on a busy machine, not on an empty workspace.
const SOON: Duration = Duration::from_secs(5);

async fn refused(api: &GraphQl, query: &str, variables: Value) -> Vec<(String, String)> {
    let begun = Instant::now();
    let error = api.error(query, variables.clone()).await;
    assert!(begun.elapsed() < SOON, "{variables}: {:?}", begun.elapsed());
    assert_eq!(told(&error).0, "VALIDATION", "{query} {variables}: {error}");
    // What is refused before it is read as a question has no fields.
    let Some(issues) = error["extensions"]["issues"].as_array() else {
        return vec![(String::new(), error["message"].as_str().unwrap().into())];
    };
    issues.iter().map(|issue| (issue["path"].as_str().unwrap().into(), issue["message"].as_str().unwrap().into())).collect()
}

const COUNTS: [&str; 3] = [
    "query($f: ClickFilter) { clickTotals(filter: $f) { clicks } }",
    "query($f: ClickFilter) { clickSeries(filter: $f, bucket: DAY, by: COUNTRY) { points { clicks } } }",
    "query($f: ClickFilter) { clickBreakdown(filter: $f, dimension: TAG) { total } }",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_and_ids_are_bounded() {
    let running = start().await;
    let ada = running.ada().await;
    let ids: Vec<String> = (0..10_000).map(|id| format!("lnk_{id:032x}")).collect();
    for (filter, path, says) in [
        (json!({ "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z" }), "filter.to", "after"),
        (json!({ "from": "2026-03-01T00:00:00Z", "to": "2026-03-01T00:00:00Z" }), "filter.to", "after"),
        (json!({ "from": "1926-03-01T00:00:00Z", "to": "2026-03-01T00:00:00Z" }), "filter.from", "60 years"),
        (json!({ "linkIds": ids }), "", "256 KiB"),
        (json!({ "linkIds": ids }), "", "at most 100 values"),
        (json!({ "linkIds": ids[..6_000] }), "filter.linkIds", "100"),
        (json!({ "linkIds": ids[..101] }), "filter.linkIds", "100"),
    ] {
        for query in COUNTS {
            let issues = refused(&ada, query, json!({ "f": filter })).await;
            assert!(issues.len() == 1 && issues[0].0 == path && issues[0].1.contains(says), "{query} {path} {says}: {issues:?}");
        }
    }
    let series =
        "query($f: ClickFilter, $b: Bucket!, $z: TimeZone) { clickSeries(filter: $f, bucket: $b, timeZone: $z) { points { clicks } } }";
    let year = json!({ "from": "2025-03-01T00:00:00Z", "to": "2026-03-01T00:00:00Z" });
    let issues = refused(&ada, series, json!({ "f": year, "b": "MINUTE" })).await;
    assert!(issues[0].1.contains("1,500") || issues[0].1.contains("1500"), "{issues:?}");
    for zone in ["Mars/Olympus", "", "../etc/passwd"] {
        assert_eq!(refused(&ada, series, json!({ "b": "DAY", "z": zone })).await[0].0, "timeZone", "{zone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_match_nothing_is_refused() {
    let running = start().await;
    let ada = running.ada().await;
    let rule = RuleId::new(NOON, [7; 10]).to_string();
    for (filter, path) in [
        (json!({ "countries": ["DE", "Germany"] }), "filter.countries"),
        (json!({ "exclude": { "countries": ["D1"] } }), "filter.exclude.countries"),
        (json!({ "networks": ["foo"] }), "filter.networks"),
        (json!({ "networks": ["203.0.113.7"] }), "filter.networks"),
        (json!({ "rules": ["x", null] }), "filter.rules"),
    ] {
        let issues = refused(&ada, COUNTS[0], json!({ "f": filter })).await;
        assert!(issues.len() == 1 && issues[0].0 == path && issues[0].1.contains("Write") | issues[0].1.contains("begin"), "{issues:?}");
    }
    let fits = json!({ "countries": ["de", null], "networks": ["203.0.113.9/24", "2001:DB8:1::/48", null], "rules": [rule, null] });
    assert_eq!(ada.data(COUNTS[0], json!({ "f": fits })).await["clickTotals"]["clicks"], 0);

    let series = "query($b: Bucket!) { clickSeries(bucket: $b, weekStart: SUNDAY, top: 3) { points { clicks } } }";
    let paths = |issues: Vec<(String, String)>| issues.into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(paths(refused(&ada, series, json!({ "b": "DAY" })).await), ["by", "weekStart"]);
    assert_eq!(paths(refused(&ada, series, json!({ "b": "WEEK" })).await), ["by"]);
    let count = "mutation($c: [String!]) { updateWorkspace(input: { countedParameters: $c }) { workspace { id } } }";
    assert_eq!(paths(refused(&ada, count, json!({ "c": ["ref", "utm_source"] })).await), ["countedParameters.1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_from_before_a_restored_backup_is_told_of() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({})).await;
    running.store_clicks(&ada, &link, 0..3).await;
    let stored = "query($a: String) { clicks(order: STORED, after: $a) { nodes { id } } clickTotals { liveCursor } }";
    let head = ada.data(stored, json!({})).await["clickTotals"]["liveCursor"].take();
    assert_eq!(ada.data(stored, json!({ "a": head })).await["clicks"]["nodes"], json!([]));
    // s:999999
    let ahead = json!({ "a": "czo5OTk5OTk" });
    let refused = refused(&ada, stored, ahead.clone()).await;
    assert!(refused[0].0 == "after" && refused[0].1.contains("ahead"), "{refused:?}");
    let mut live = ada.subscribe("subscription($a: String) { clicks(after: $a) { cursor } }", ahead).await;
    let told = live.receive().await.unwrap().to_string();
    assert!(told.contains(&refused[0].1), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_links_are_counted_as_nothing() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "tags": ["secret"] })).await;
    running.store_clicks(&ada, &link, 0..6).await;
    let eve = running.anonymous().sign_up("eve").await;
    let filter = json!({ "f": { "linkIds": [link["id"]] } });
    assert_eq!(eve.data(COUNTS[0], filter.clone()).await["clickTotals"]["clicks"], 0);
    assert_eq!(eve.data(COUNTS[1], filter.clone()).await["clickSeries"]["points"][0]["clicks"], 0);
    assert_eq!(eve.data(COUNTS[2], filter).await["clickBreakdown"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_bounded_and_cursors_their_own() {
    let running = start().await;
    let ada = running.ada().await;
    ada.data("mutation { updateWorkspace(input: { recipientParameter: \"rid\" }) { workspace { id } } }", json!({})).await;
    let lists = [
        ("clicks", "nodes { id }"),
        ("links", "nodes { id }"),
        ("misses", "nodes { slug }"),
        ("annotations", "nodes { id }"),
        ("recipientClicks", "nodes { recipient }"),
    ];
    for (list, fields) in lists {
        let query = format!("query($n: Int, $a: String) {{ {list}(first: $n, after: $a) {{ {fields} }} }}");
        for first in [-1, 101, i32::MAX] {
            let issues = refused(&ada, &query, json!({ "n": first })).await;
            assert!(issues[0].0 == "first" && issues[0].1.contains("100"), "{list} {first}: {issues:?}");
        }
        for cursor in ["", "x", "t:", "s:-1", "99999999999999999999"] {
            assert_eq!(refused(&ada, &query, json!({ "a": cursor })).await[0].0, "after", "{list} {cursor}");
        }
        let empty = ada.send(&query, json!({ "n": 0 })).await;
        let is_empty = empty["data"][list]["nodes"] == json!([]);
        assert!(is_empty || empty["errors"][0]["extensions"]["code"] == "VALIDATION", "{list}: {empty}");
    }
    let breakdown = "query($n: Int) { clickBreakdown(dimension: COUNTRY, first: $n) { rows { clicks } } }";
    for first in [-1, 501, i32::MAX] {
        let issues = refused(&ada, breakdown, json!({ "n": first })).await;
        assert!(issues[0].0 == "first" && issues[0].1.contains("500"), "{issues:?}");
    }
    assert_eq!(ada.data(breakdown, json!({ "n": 0 })).await["clickBreakdown"]["rows"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_counted_where_clicks_keep_them() {
    let running = start().await;
    let ada = running.ada().await;
    let update = "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { countedParameters { key since } } } }";
    let set =
        async |input: Value| ada.data(update, json!({ "i": input })).await["updateWorkspace"]["workspace"]["countedParameters"].take();
    let since = "2026-03-02T00:00:00.000Z";
    assert_eq!(
        set(json!({ "countedParameters": ["ref", "Ref", "ref"] })).await,
        json!([{ "key": "ref", "since": since }, { "key": "Ref", "since": since }])
    );
    let eleven: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    for (names, paths) in [
        (json!(eleven), vec!["countedParameters"]),
        (json!(["", "ok", "x".repeat(65)]), vec!["countedParameters.0", "countedParameters.2"]),
    ] {
        let issues = refused(&ada, update, json!({ "i": { "countedParameters": names } })).await;
        assert_eq!(issues.into_iter().map(|(path, _)| path).collect::<Vec<_>>(), paths);
    }
    // What is not kept any more is not counted, and may not be.
    let kept = json!({ "privacy": { "parameters": ["ref"] } });
    assert_eq!(set(kept).await, json!([{ "key": "ref", "since": since }]));
    assert_eq!(refused(&ada, update, json!({ "i": { "countedParameters": ["other"] } })).await[0].0, "countedParameters.0");
    assert_eq!(set(json!({ "recipientParameter": "ref" })).await, json!([]));
    assert_eq!(refused(&ada, update, json!({ "i": { "countedParameters": ["ref"] } })).await[0].0, "countedParameters.0");
    let log = ada.data("{ auditLog { nodes { action } } }", json!({})).await["auditLog"]["nodes"].to_string();
    assert!(log.contains("counted_parameters.changed"), "{log}");
    let eve = running.anonymous().sign_up("eve").await;
    assert_eq!(eve.data("{ workspace { countedParameters { key } } }", json!({})).await["workspace"]["countedParameters"], json!([]));
}
