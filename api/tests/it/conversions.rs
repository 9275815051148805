//! What clicks led to, through GraphQL: told of, counted, by dimension and in an order.

use domain::Click;
use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{Running, start, start_each, told};

pub const TRACK: &str = "mutation($i: TrackConversionInput!) { trackConversion(input: $i) { duplicate
    conversion { eventId clickId linkId name value { amount currency } occurredAt receivedAt source } } }";
const TOTALS: &str = "query($f: ClickFilter, $n: String) { conversionTotals(filter: $f, name: $n) {
    conversions convertedClicks clicks rate value { amount currency } engaged bounceRate source dataFrom } }";
const BREAKDOWN: &str = "query($f: ClickFilter, $d: Dimension!, $k: String, $n: String, $first: Int) {
    conversionBreakdown(filter: $f, dimension: $d, key: $k, name: $n, first: $first) { source
        rows { value label link { slug } clicks convertedClicks conversions rate revenue { amount currency } } conversions clicks } }";
const FUNNEL: &str =
    "query($f: ClickFilter, $s: [String!]!, $by: Dimension, $k: String, $first: Int) { funnel(filter: $f, steps: $s, by: $by, key: $k, first: $first) {
        source steps { name clicks share fromPrevious } groups { value label steps { name clicks } } } }";

/// Stored clicks of a link, the even ones of people, a minute apart from ten o'clock on; it is noon.
pub async fn clicked(running: &Running, api: &GraphQl, slug: &str, count: i64) -> Vec<Click> {
    let link =
        api.create_link("https://example.com/", json!({ "slug": slug, "title": format!("Link {slug}"), "appendClickId": true })).await;
    let report = running.store_clicks(api, &link, -120..count - 120).await;
    let mut clicks = report.stored.into_iter().next().unwrap().clicks;
    clicks.sort_by_key(|click| click.id);
    clicks
}

pub fn told_of(click: &Click, event: &str, more: Value) -> Value {
    let mut input = json!({ "clickId": click.id.to_string(), "eventId": event });
    input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    json!({ "i": input })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_told_of_once_and_counted_with_its_click() {
    for running in start_each().await {
        let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
        let clicks = clicked(&running, &ada, "a", 6).await;
        let paid = json!({ "name": "sale", "value": { "amount": "19.9", "currency": "eur" }, "occurredAt": "2026-03-01T11:30:00Z" });
        let made = ada.data(TRACK, told_of(&clicks[0], "order-1", paid.clone())).await["trackConversion"].take();
        let conversion = &made["conversion"];
        assert_eq!((&made["duplicate"], &conversion["value"]), (&json!(false), &json!({ "amount": "19.90", "currency": "EUR" })));
        assert_eq!((&conversion["occurredAt"], &conversion["source"]), (&json!("2026-03-01T11:30:00.000Z"), &json!("API")));
        assert_eq!(conversion["receivedAt"], "2026-03-01T12:00:00.000Z");
        let again = ada.data(TRACK, told_of(&clicks[0], "order-1", json!({ "name": "other" }))).await["trackConversion"].take();
        assert_eq!((&again["duplicate"], &again["conversion"]), (&json!(true), conversion));
        assert_eq!(told(&ada.error(TRACK, told_of(&clicks[2], "order-1", json!({}))).await).0, "CONFLICT");
        // Another workspace's click is none, and takes nothing from its own.
        assert_eq!(told(&eve.error(TRACK, told_of(&clicks[0], "order-9", json!({}))).await).0, "NOT_FOUND");
        ada.data(TRACK, told_of(&clicks[0], "order-2", json!({ "value": { "amount": "5", "currency": "JPY" } }))).await;
        // A bot's is stored and not counted, unless bots are asked for.
        ada.data(TRACK, told_of(&clicks[1], "bot", paid)).await;

        let totals = ada.data(TOTALS, json!({})).await["conversionTotals"].take();
        assert_eq!((&totals["conversions"], &totals["convertedClicks"], &totals["clicks"]), (&json!(2), &json!(1), &json!(3)));
        assert!((totals["rate"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(totals["value"], json!([{ "amount": "19.90", "currency": "EUR" }, { "amount": "5", "currency": "JPY" }]));
        assert_eq!((&totals["engaged"], &totals["bounceRate"]), (&Value::Null, &Value::Null));
        let everyone = json!({ "f": { "verdicts": ["HUMAN", "BOT"] }, "n": "sale" });
        let totals = ada.data(TOTALS, everyone).await["conversionTotals"].take();
        assert_eq!((&totals["conversions"], &totals["clicks"], &totals["value"][0]["amount"]), (&json!(2), &json!(6), &json!("39.80")));
        let none = eve.data(TOTALS, json!({})).await["conversionTotals"].take();
        assert_eq!((&none["conversions"], &none["clicks"], &none["rate"]), (&json!(0), &json!(0), &Value::Null));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_by_dimension_and_funnels_have_labels() {
    let running = start().await;
    let ada = running.ada().await;
    let clicks = clicked(&running, &ada, "a", 6).await;
    let others = clicked(&running, &ada, "b", 2).await;
    let tell = async |click: &Click, event: &str, name: &str, minute: u32| {
        let more =
            json!({ "name": name, "occurredAt": format!("2026-03-01T11:{minute:02}:00Z"), "value": { "amount": "1", "currency": "USD" } });
        ada.data(TRACK, told_of(click, event, more)).await;
    };
    tell(&clicks[0], "1", "signup", 0).await;
    tell(&clicks[0], "2", "sale", 5).await;
    // In the wrong order.
    tell(&clicks[2], "3", "sale", 0).await;
    tell(&clicks[2], "4", "signup", 5).await;
    tell(&others[0], "5", "signup", 0).await;
    let found = ada.data(BREAKDOWN, json!({ "d": "LINK" })).await["conversionBreakdown"].take();
    let row = |row: &Value| (row["label"].clone(), row["link"]["slug"].clone(), row["conversions"].clone(), row["clicks"].clone());
    let rows: Vec<_> = found["rows"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(rows, [(json!("Link a"), json!("a"), json!(4), json!(3)), (json!("Link b"), json!("b"), json!(1), json!(1))]);
    assert_eq!((&found["conversions"], &found["clicks"]), (&json!(5), &json!(4)));
    assert_eq!(found["rows"][1]["revenue"], json!([{ "amount": "1.00", "currency": "USD" }]));
    assert_eq!(found["rows"][1]["rate"], 1.0);
    let found = ada.data(BREAKDOWN, json!({ "d": "REFERRER", "n": "sale", "first": 1 })).await["conversionBreakdown"].take();
    assert_eq!((&found["rows"][0]["label"], &found["rows"][0]["value"]), (&json!("Direct"), &Value::Null));
    assert_eq!((&found["rows"][0]["conversions"], &found["rows"][0]["rate"]), (&json!(2), &json!(0.5)));

    for (dimension, key, label) in
        [("TAG", None, "None"), ("FOLDER", None, "None"), ("METADATA", Some("x"), "None"), ("PARAMETER", Some("x"), "None")]
    {
        let found = ada.data(BREAKDOWN, json!({ "d": dimension, "k": key })).await["conversionBreakdown"].take();
        let row = &found["rows"][0];
        assert_eq!((&row["label"], &row["value"], &row["clicks"]), (&json!(label), &Value::Null, &json!(4)), "{dimension}");
        let funnel = ada.data(FUNNEL, json!({ "s": ["sale"], "by": dimension, "k": key })).await["funnel"].take();
        assert_eq!((&funnel["groups"][0]["label"], &funnel["source"]), (&json!(label), &json!("ROLLUP")), "{dimension}");
    }
    let found = ada.data(BREAKDOWN, json!({ "d": "DOMAIN" })).await["conversionBreakdown"].take();
    assert_eq!((found["rows"][0]["value"].is_string(), &found["source"]), (true, &json!("ROLLUP")));

    let funnel = ada.data(FUNNEL, json!({ "s": ["signup", "sale"], "by": "LINK" })).await["funnel"].take();
    let steps = |steps: &Value| -> Vec<(String, u64)> {
        let step = |step: &Value| (step["name"].as_str().unwrap().to_owned(), step["clicks"].as_u64().unwrap());
        steps.as_array().unwrap().iter().map(step).collect()
    };
    let named = |counts: [u64; 4]| ["click", "engaged", "signup", "sale"].map(str::to_owned).into_iter().zip(counts).collect::<Vec<_>>();
    assert_eq!(steps(&funnel["steps"]), named([4, 3, 3, 1]));
    assert_eq!((&funnel["steps"][0]["fromPrevious"], &funnel["steps"][0]["share"]), (&Value::Null, &json!(1.0)));
    assert_eq!((&funnel["steps"][2]["share"], &funnel["steps"][2]["fromPrevious"]), (&json!(0.75), &json!(1.0)));
    assert_eq!((&funnel["groups"][0]["label"], steps(&funnel["groups"][0]["steps"])), (&json!("Link a"), named([3, 2, 2, 1])));
    let nobody = ada.data(FUNNEL, json!({ "s": ["sale"], "f": { "countries": ["FR"] } })).await["funnel"].take();
    assert_eq!((&nobody["steps"][1]["share"], &nobody["groups"]), (&Value::Null, &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_at_once_and_who_may_is_checked() {
    let running = start().await;
    let ada = running.ada().await;
    let clicks = clicked(&running, &ada, "a", 1).await;
    let wrong = json!({ "i": { "clickId": "lnk_1", "eventId": " ", "name": "a\nb", "value": { "amount": "1.999", "currency": "EUR" },
        "occurredAt": "2026-03-01T12:05:00.001Z" } });
    let paths = ["clickId", "eventId", "name", "value.amount", "occurredAt"].map(String::from).to_vec();
    assert_eq!(told(&ada.error(TRACK, wrong).await), ("VALIDATION".into(), paths));
    for (more, path) in [
        (json!({ "occurredAt": "2026-03-01T09:59:59.999Z" }), "occurredAt"),
        (json!({ "value": { "amount": "1", "currency": "XXX" } }), "value.currency"),
        (json!({ "value": { "amount": "1e3", "currency": "EUR" } }), "value.amount"),
    ] {
        assert_eq!(told(&ada.error(TRACK, told_of(&clicks[0], "e", more)).await), ("VALIDATION".into(), vec![path.to_owned()]));
    }
    for (query, variables, paths) in [
        (TOTALS, json!({ "n": "" }), vec!["name"]),
        (BREAKDOWN, json!({ "d": "CITY", "n": "x".repeat(65), "first": 501 }), vec!["name", "first"]),
        (BREAKDOWN, json!({ "d": "CITY", "first": -1 }), vec!["first"]),
        (BREAKDOWN, json!({ "d": "METADATA", "first": -1 }), vec!["key", "first"]),
        (BREAKDOWN, json!({ "d": "TAG", "k": "x" }), vec!["key"]),
        (FUNNEL, json!({ "s": ["a"], "by": "PARAMETER", "k": "x".repeat(65) }), vec!["key"]),
        (FUNNEL, json!({ "s": ["a"], "k": "x" }), vec!["key"]),
        (FUNNEL, json!({ "s": [], "first": 101 }), vec!["steps", "first"]),
        (FUNNEL, json!({ "s": ["a", "a", ""] }), vec!["steps.1", "steps.2"]),
        (FUNNEL, json!({ "s": vec!["a"; 9] }), vec!["steps"]),
    ] {
        let paths = paths.into_iter().map(String::from).collect();
        assert_eq!(told(&ada.error(query, variables).await), ("VALIDATION".into(), paths));
    }
    let change = "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { attributionDays } } }";
    for days in [0, 91, -1] {
        assert_eq!(told(&ada.error(change, json!({ "i": { "attributionDays": days } })).await).1, ["attributionDays"]);
    }
    assert_eq!(ada.data("{ workspace { attributionDays } }", json!({})).await["workspace"]["attributionDays"], 30);
    assert_eq!(ada.data(change, json!({ "i": { "attributionDays": 1 } })).await["updateWorkspace"]["workspace"]["attributionDays"], 1);
    running.clock.advance(24 * 3_600_000);
    let ada = running.anonymous().sign_in("ada").await;
    assert_eq!(told(&ada.error(TRACK, told_of(&clicks[0], "late", json!({}))).await), ("VALIDATION".into(), vec!["occurredAt".into()]));

    let key = async |scope: &str| {
        let make = format!("mutation {{ createApiKey(input: {{ name: \"x\", scopes: [{scope}] }}) {{ secret }} }}");
        running.anonymous().with_token(ada.data(&make, json!({})).await["createApiKey"]["secret"].as_str().unwrap())
    };
    let (writer, reader) = (key("CONVERSIONS_WRITE").await, key("CLICKS_READ").await);
    let in_time = json!({ "occurredAt": "2026-03-01T11:00:00Z" });
    assert_eq!(told(&reader.error(TRACK, told_of(&clicks[0], "e", in_time.clone())).await).0, "FORBIDDEN");
    assert_eq!(writer.data(TRACK, told_of(&clicks[0], "e", in_time)).await["trackConversion"]["duplicate"], false);
    assert_eq!(reader.data(TOTALS, json!({})).await["conversionTotals"]["conversions"], 1);
    assert_eq!(told(&writer.error(TOTALS, json!({})).await).0, "FORBIDDEN");
    for (query, variables) in [(TRACK, told_of(&clicks[0], "e", json!({}))), (TOTALS, json!({})), (FUNNEL, json!({ "s": ["a"] }))] {
        assert_eq!(told(&running.anonymous().error(query, variables).await).0, "UNAUTHENTICATED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_say_whether_the_target_is_told() {
    let running = start().await;
    let ada = running.ada().await;
    let update = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { appendClickId version } } }";
    let link = ada.create_link("https://example.com/", json!({})).await;
    for (value, wanted) in [(json!(true), true), (Value::Null, false)] {
        let changed = ada.data(update, json!({ "i": { "id": link["id"], "appendClickId": value } })).await;
        assert_eq!(changed["updateLink"]["link"]["appendClickId"], wanted);
    }
    let told = ada.create_link("https://example.com/", json!({ "slug": "told", "appendClickId": true })).await;
    let resolved = running.store.resolve_link("told").await.unwrap().unwrap();
    assert_eq!((resolved.id.to_string(), resolved.append_click_id), (told["id"].as_str().unwrap().to_owned(), true));
}
