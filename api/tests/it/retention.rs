//! How long what is kept: decided, told of, and what answers say of what is gone.

use domain::{AuditId, Millis};
use platform::Rng;
use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{NOON, Running, start, told, workspace_of};

const DAY: i64 = 86_400_000;

const UPDATE: &str = "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { clicksKeptFrom privacy { level \
    retention { clicksDays addressesDays auditDays } } } } }";

const LOG: &str = "query($n: Int, $a: String) { auditLog(first: $n, after: $a) { totalCount nodes { id at actorKind actorId action details } \
    edges { cursor } pageInfo { hasNextPage } } }";

/// Keeps clicks of the last two of these days only.
async fn forget(running: &Running, ada: &GraphQl, kept_from: Millis) {
    let workspace = workspace_of(ada).await;
    running.store.keep_clicks_from(workspace, kept_from).await.unwrap();
    let proof = AuditId::new(NOON, Rng::System.entropy());
    while running.store.purge_clicks(workspace, proof).await.unwrap().more {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_for_how_long_is_decided_within_bounds_and_written_down() {
    let running = start().await;
    let ada = running.ada().await;
    let update =
        async |privacy: Value| ada.data(UPDATE, json!({ "i": { "privacy": privacy } })).await["updateWorkspace"]["workspace"].take();
    let kept = |level: &str, clicks: i32, addresses: i32, audit: i32| {
        let retention = json!({ "clicksDays": clicks, "addressesDays": addresses, "auditDays": audit });
        json!({ "clicksKeptFrom": null, "privacy": { "level": level, "retention": retention } })
    };
    assert_eq!(update(json!({})).await, kept("TRUNCATED", 395, 7, 365));
    assert_eq!(ada.data(LOG, json!({})).await["auditLog"]["totalCount"], 0, "nothing was changed");
    assert_eq!(update(json!({ "respectDnt": true })).await, kept("TRUNCATED", 395, 7, 365));
    running.clock.advance(1);
    let some = json!({ "level": "FULL", "retention": { "clicksDays": 30, "addressesDays": 3 } });
    assert_eq!(update(some).await, kept("FULL", 30, 3, 365));
    let wrong = json!({ "privacy": { "retention": { "clicksDays": 0, "addressesDays": 8, "auditDays": 29 } } });
    let fields = ["clicksDays", "addressesDays", "auditDays"].map(|field| format!("privacy.retention.{field}"));
    assert_eq!(told(&ada.error(UPDATE, json!({ "i": wrong })).await), ("VALIDATION".into(), fields.into()));

    let log = ada.data(LOG, json!({ "n": 1 })).await["auditLog"].take();
    let entry = &log["nodes"][0];
    let (at, user) = ("2026-03-01T12:00:00.001Z", ada.data("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"].take());
    assert_eq!((&entry["action"], &entry["at"], &entry["actorKind"]), (&json!("privacy.changed"), &json!(at), &json!("USER")));
    assert_eq!(entry["actorId"], user);
    let details = json!({
        "level": "FULL",
        "retention": { "clicksDays": 30, "addressesDays": 3, "auditDays": 365 },
        "changed": {
            "level": { "from": "TRUNCATED", "to": "FULL" },
            "retention.clicksDays": { "from": 395, "to": 30 },
            "retention.addressesDays": { "from": 7, "to": 3 },
        },
    });
    assert_eq!(entry["details"], details);
    assert_eq!((&log["totalCount"], &log["pageInfo"]["hasNextPage"]), (&json!(2), &json!(true)));
    let rest = ada.data(LOG, json!({ "a": log["edges"][0]["cursor"] })).await["auditLog"].take();
    assert_eq!(rest["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(rest["nodes"][0]["details"]["changed"], json!({ "respectDnt": { "from": false, "to": true } }));

    let eve = running.anonymous().sign_up("eve").await;
    assert_eq!(eve.data(LOG, json!({})).await["auditLog"]["totalCount"], 0);
    assert_eq!(told(&running.anonymous().error(LOG, json!({})).await).0, "UNAUTHENTICATED");
    assert_eq!(told(&ada.error(LOG, json!({ "n": 101 })).await), ("VALIDATION".into(), vec!["first".into()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_setting_that_is_changed_is_written_down_by_the_name_it_is_changed_by() {
    let running = start().await;
    let ada = running.ada().await;
    let changes = json!({
        "keepReferrerPath": false, "keepUserAgent": false, "keepCity": false, "keepLanguage": false, "keepParameters": false,
        "parameters": ["a"], "impersonalParameters": ["b"], "respectDnt": true, "consent": "REQUIRED", "controller": "Ada",
        "policyUrl": "https://example.com/privacy", "ownNetworks": ["203.0.113.0/24"], "level": "NONE",
    });
    ada.data(UPDATE, json!({ "i": { "privacy": changes } })).await;
    let log = ada.data(LOG, json!({})).await["auditLog"].take();
    let changed = log["nodes"][0]["details"]["changed"].as_object().unwrap();
    let to: serde_json::Map<String, Value> = changed.iter().map(|(field, change)| (field.clone(), change["to"].clone())).collect();
    assert_eq!(Value::Object(to), changes);
    let from = ["keepCity", "parameters", "ownNetworks", "consent", "controller"].map(|field| &changed[field]["from"]);
    assert_eq!(json!(from), json!([true, null, [], "NONE", null]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_is_never_passed_over_in_silence() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let start = ada.data("{ clickTotals { liveCursor } }", json!({})).await["clickTotals"]["liveCursor"].take();
    running.store_clicks(&ada, &link, 0..4).await;
    let later = 5 * DAY / 60_000;
    running.store_clicks(&ada, &link, later..later + 2).await;
    running.clock.advance(6 * DAY);
    let ada = running.anonymous().sign_in("ada").await;
    let kept_from = NOON.plus(4 * DAY);
    forget(&running, &ada, kept_from).await;
    let answer = ada
        .data(
            "query($f: ClickFilter, $r: ClickFilter) { workspace { clicksKeptFrom } \
             all: clickTotals(filter: $r, compare: PREVIOUS_PERIOD) { clicks source dataFrom previous { clicks dataFrom } } \
             some: clickTotals(filter: $f) { clicks source dataFrom } clicks { totalCount dataFrom } \
             clickBreakdown(dimension: COUNTRY, filter: $r, compare: PREVIOUS_PERIOD) { total dataFrom previousDataFrom } \
             clickSeries(bucket: MINUTE, filter: { from: \"2026-03-01T12:00:00Z\", to: \"2026-03-01T13:00:00Z\" }) { dataFrom } \
             by: clickSeries(bucket: MONTH, by: NETWORK) { points { clicks } series { value points { clicks } } otherPoints { clicks } source dataFrom } }",
            json!({ "f": { "countries": ["DE"], "devices": ["MOBILE"] }, "r": { "from": "2026-03-04T12:00:00Z", "to": "2026-03-07T12:00:00Z" } }),
        )
        .await;
    let kept = "2026-03-05T12:00:00.000Z";
    assert_eq!(answer["workspace"]["clicksKeptFrom"], kept);
    let previous = json!({ "clicks": 2, "dataFrom": "2026-03-01T12:00:00.000Z" });
    assert_eq!(answer["all"], json!({ "clicks": 1, "source": "ROLLUP", "dataFrom": "2026-03-04T12:00:00.000Z", "previous": previous }));
    assert_eq!(answer["some"], json!({ "clicks": 1, "source": "CLICKS", "dataFrom": kept }));
    assert_eq!(answer["clicks"], json!({ "totalCount": 2, "dataFrom": kept }));
    assert_eq!(
        answer["clickBreakdown"],
        json!({ "total": 1, "dataFrom": "2026-03-04T12:00:00.000Z", "previousDataFrom": "2026-03-01T12:00:00.000Z" })
    );
    // Of that hour nothing is known by the minute.
    assert_eq!(answer["clickSeries"]["dataFrom"], "2026-03-01T13:00:00.000Z");

    // What only clicks say is told beside points of the same clicks.
    let point = json!([{ "clicks": 1 }]);
    let series = json!([{ "value": null, "points": point }]);
    let by = json!({ "points": point, "series": series, "otherPoints": [{ "clicks": 0 }], "source": "CLICKS", "dataFrom": kept });
    assert_eq!(answer["by"], by);

    // A subscriber from before is told of the gap, and then of what there is.
    const LIVE: &str = "subscription($a: String) { clicks(after: $a) { cursor click { parameter(key: \"n\") } gap { dropped from to } } }";
    let mut live = ada.subscribe(LIVE, json!({ "a": start })).await;
    let event = live.next().await["clicks"].take();
    assert_eq!((&event["click"], &event["gap"]["from"], &event["cursor"]), (&Value::Null, &start, &start));
    let first = live.next().await["clicks"].take();
    assert_eq!((&first["click"]["parameter"], &first["gap"]), (&json!(later.to_string()), &Value::Null));
    // After what was deleted there is no gap.
    let mut live = ada.subscribe(LIVE, json!({ "a": event["gap"]["to"] })).await;
    assert_eq!(live.next().await["clicks"], first);
}
