//! Clicks, totals and series as they are asked for.

use domain::{Click, LinkId, LocalDay, Verdict, VisitorKey};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::Incoming;

use crate::fixture::{NOON, click, start, start_each, told, workspace_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_and_series_follow_filter_bucket_and_zone() {
    let running = start().await;
    let ada = running.ada().await;
    let (a, b) = (ada.create_link("https://example.com/", json!({})).await, ada.create_link("https://example.com/", json!({})).await);
    running.store_clicks(&ada, &a, 0..120).await;
    running.store_clicks(&ada, &b, 0..10).await;
    running.clock.advance(2 * 3_600_000);
    let ada = running.anonymous().sign_in("ada").await;
    let query =
        "query($f: ClickFilter) { clickTotals(filter: $f) { clicks human bots suspected internal misses dailyUniques source dataFrom } }";
    let totals = async |filter: Value| ada.data(query, json!({ "f": filter })).await["clickTotals"].take();
    let all = totals(Value::Null).await;
    let wanted = json!({ "clicks": 65, "human": 65, "bots": 65, "suspected": 0, "internal": 0, "misses": 0, "dailyUniques": null, "source": "ROLLUP", "dataFrom": "2026-03-01T12:00:00.000Z" });
    assert_eq!(all, wanted);
    assert_eq!(totals(json!({ "verdicts": ["BOT", "HUMAN"], "linkIds": [b["id"]] })).await["clicks"], 10);
    assert_eq!(totals(json!({ "from": "2026-03-01T13:00:00+00:00", "to": "2026-03-01T13:07:00Z" })).await["clicks"], 4);
    assert_eq!(totals(json!({ "countries": ["de", null] })).await["source"], "ROLLUP");
    assert_eq!(totals(json!({ "countries": ["de", null], "devices": ["MOBILE"] })).await["source"], "CLICKS");
    assert_eq!(totals(json!({ "countries": ["FR"] })).await["clicks"], 0);
    assert_eq!(totals(json!({ "period": "TODAY" })).await["clicks"], 65);
    let of_link = ada.data("query($i: ID!) { link(by: { id: $i }) { clickTotals { clicks } } }", json!({ "i": b["id"] })).await;
    assert_eq!(of_link["link"]["clickTotals"]["clicks"], 5);

    let series = "query($b: Bucket!, $z: TimeZone) { clickSeries(bucket: $b, timeZone: $z) { points { start end clicks partial } source liveCursor } }";
    let hours = ada.data(series, json!({ "b": "HOUR", "z": "UTC" })).await["clickSeries"].take();
    let counts: Vec<u64> = hours["points"].as_array().unwrap().iter().map(|point| point["clicks"].as_u64().unwrap()).collect();
    assert_eq!(counts, [35, 30, 0]);
    let days = ada.data(series, json!({ "b": "DAY", "z": "Asia/Kolkata" })).await["clickSeries"]["points"].take();
    assert_eq!(days, json!([{ "start": "2026-02-28T18:30:00.000Z", "end": "2026-03-01T18:30:00.000Z", "clicks": 65, "partial": true }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_that_make_no_sense_are_refused() {
    let running = start().await;
    let ada = running.ada().await;
    let totals = "query($f: ClickFilter) { clickTotals(filter: $f) { clicks } }";
    for (filter, field) in [
        (json!({ "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z" }), "filter.to"),
        (json!({ "period": "TODAY", "from": "2026-03-02T00:00:00Z" }), "filter.period"),
        (json!({ "linkIds": ["ws_01h455vb4pex5vsknk084sn02q"] }), "filter.linkIds"),
        (json!({ "browsers": [] }), "filter.browsers"),
        (json!({ "cities": vec!["x"; 101] }), "filter.cities"),
    ] {
        assert_eq!(told(&ada.error(totals, json!({ "f": filter })).await), ("VALIDATION".into(), vec![field.into()]), "{filter}");
    }
    for (filter, field) in [
        (json!({ "from": "yesterday" }), "filter.from"),
        (json!({ "verdicts": ["ALIEN"] }), "filter.verdicts.0"),
        (json!({ "nonsense": 1 }), "filter.nonsense"),
    ] {
        assert_eq!(told(&ada.error(totals, json!({ "f": filter })).await), ("VALIDATION".into(), vec![field.into()]), "{filter}");
    }
    let series = "query($f: ClickFilter, $z: TimeZone) { clickSeries(filter: $f, bucket: HOUR, timeZone: $z) { points { clicks } } }";
    assert_eq!(told(&ada.error(series, json!({ "z": "Mars" })).await), ("VALIDATION".into(), vec!["timeZone".into()]));
    let long = json!({ "f": { "from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" } });
    assert_eq!(told(&ada.error(series, long).await), ("VALIDATION".into(), vec!["filter".into()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_are_listed_in_both_orders_with_their_links() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    // Stored in another order than they happened.
    running.store_clicks(&ada, &link, 5..9).await;
    running.store_clicks(&ada, &link, 0..2).await;
    ada.data("mutation($i: ID!) { deleteLink(input: { id: $i }) { deletedId } }", json!({ "i": link["id"] })).await;
    let query = "query($o: ClickOrder, $a: String) { clicks(order: $o, first: 4, after: $a) { nodes { parameter(key: \"n\") verdict link { slug } occurredAt } pageInfo { hasNextPage endCursor } totalCount } }";
    let page = async |order: &str, after: Value| ada.data(query, json!({ "o": order, "a": after })).await["clicks"].take();
    let numbers = |page: &Value| {
        page["nodes"].as_array().unwrap().iter().map(|node| node["parameter"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let newest = page("NEWEST", Value::Null).await;
    assert_eq!((numbers(&newest), &newest["totalCount"]), (["8", "7", "6", "5"].map(String::from).into(), &json!(6)));
    assert_eq!(newest["nodes"][0]["link"]["slug"], "a");
    assert_eq!(newest["nodes"][0]["occurredAt"], "2026-03-01T12:08:00.000Z");
    assert_eq!(numbers(&page("NEWEST", newest["pageInfo"]["endCursor"].clone()).await), ["1", "0"]);
    let stored = page("STORED", Value::Null).await;
    assert_eq!(numbers(&stored), ["5", "6", "7", "8"]);
    assert_eq!(numbers(&page("STORED", stored["pageInfo"]["endCursor"].clone()).await), ["0", "1"]);
    let mixed = ada.error(query, json!({ "o": "NEWEST", "a": stored["pageInfo"]["endCursor"] })).await;
    assert_eq!(told(&mixed), ("VALIDATION".into(), vec!["after".into()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_of_several_links_are_estimated_and_said_to_be() {
    for running in start_each().await {
        let ada = running.ada().await;
        let workspace = workspace_of(&ada).await;
        let (a, b) = (ada.create_link("https://example.com/", json!({})).await, ada.create_link("https://example.com/", json!({})).await);
        let by = |link: &Value, visitor: &str| {
            let link: LinkId = link["id"].as_str().unwrap().parse().unwrap();
            let visitor = Some(VisitorKey { key: visitor.into(), recipe: 1 });
            let click = Click { visitor, verdict: Verdict::Human, ..click(link, 0) };
            let day = Some(LocalDay::of(NOON, &TimeZone::UTC));
            Incoming { workspace, click, day, record: [].into(), frame: "frame".into() }
        };
        running.store.ingest(&[by(&a, "1"), by(&a, "2"), by(&b, "2"), by(&b, "3"), by(&b, "3")], NOON).await.unwrap();
        running.clock.advance(3_600_000);
        let ada = running.anonymous().sign_in("ada").await;
        let query = "query($f: ClickFilter, $b: Bucket!) {
            clickTotals(filter: $f) { dailyUniques dailyUniquesEstimated }
            clickSeries(filter: $f, bucket: $b) { points { dailyUniques dailyUniquesEstimated } } }";
        let asked = async |filter: Value, bucket: &str| {
            let answer = ada.data(query, json!({ "f": filter, "b": bucket })).await;
            (answer["clickTotals"].clone(), answer["clickSeries"]["points"].clone())
        };
        let (told, exact) =
            (|uniques: Value, estimated: bool| json!({ "dailyUniques": uniques, "dailyUniquesEstimated": estimated }), false);
        for filter in [json!({ "linkIds": [a["id"], b["id"]], "period": "TODAY" }), json!({ "folders": [null] })] {
            assert_eq!(asked(filter, "DAY").await, (told(json!(3), true), json!([told(json!(3), true)])));
        }
        // One link and the whole workspace are exact; less than a day is not known, nor anything of a country.
        assert_eq!(asked(json!({ "linkIds": [b["id"]] }), "DAY").await, (told(json!(2), exact), json!([told(json!(2), exact)])));
        assert_eq!(asked(Value::Null, "DAY").await.0, told(json!(3), exact));
        let (_, hours) = asked(json!({ "tags": [null] }), "HOUR").await;
        assert_eq!(hours[0], told(Value::Null, exact));
        assert_eq!(asked(json!({ "tags": [null], "countries": ["DE"] }), "DAY").await.0, told(Value::Null, exact));
    }
}
