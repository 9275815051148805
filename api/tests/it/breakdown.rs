//! Breakdowns, comparisons and percentiles as they are asked for.

use serde_json::{Value, json};

use crate::fixture::{Running, start, start_each, told};
use testkit::GraphQl;

const BREAKDOWN: &str = "query($f: ClickFilter, $d: Dimension!, $c: Compare, $s: String, $n: Int) {
    clickBreakdown(filter: $f, dimension: $d, compare: $c, search: $s, first: $n) {
        rows { value label clicks share dailyUniques link { slug } previous { clicks } } other capped total source dataFrom } }";

async fn breakdown(api: &GraphQl, variables: Value) -> Value {
    api.data(BREAKDOWN, variables).await["clickBreakdown"].take()
}

/// Yesterday's clicks from 11:00 to 13:00 and today's from 12:00 to 12:30, half of them people's;
/// it is half past twelve.
async fn two_days(running: &Running) -> (GraphQl, Value) {
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a", "title": "Spring" })).await;
    running.store_clicks(&ada, &link, -1_500..-1_380).await;
    running.store_clicks(&ada, &link, 0..30).await;
    running.clock.advance(30 * 60_000);
    (running.anonymous().sign_in("ada").await, link)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_have_labels_shares_and_links() {
    let running = start().await;
    let ada = running.ada().await;
    let titled = ada.create_link("https://example.com/", json!({ "slug": "a", "title": "Spring" })).await;
    let plain = ada.create_link("https://example.com/", json!({ "slug": "Plain" })).await;
    running.store_clicks(&ada, &titled, 0..6).await;
    running.store_clicks(&ada, &plain, 0..2).await;
    let links = breakdown(&ada, json!({ "d": "LINK" })).await;
    let row = |link: &Value, label: &str, clicks: u64, share: f64| json!({ "value": link["id"], "label": label, "clicks": clicks, "share": share, "dailyUniques": null, "link": { "slug": link["slug"] }, "previous": null });
    let wanted = json!({ "rows": [row(&titled, "Spring", 3, 0.75), row(&plain, "Plain", 1, 0.25)], "other": 0, "capped": false, "total": 4, "source": "ROLLUP", "dataFrom": "2026-03-01T12:00:00.000Z" });
    assert_eq!(links, wanted);
    let found = breakdown(&ada, json!({ "d": "LINK", "s": "pla" })).await;
    assert_eq!((&found["rows"][0]["label"], &found["other"], &found["total"]), (&json!("Plain"), &json!(3), &json!(4)));
    let cut = breakdown(&ada, json!({ "d": "LINK", "n": 1 })).await;
    assert_eq!((cut["rows"].as_array().unwrap().len(), &cut["other"]), (1, &json!(1)));
    // A deleted link's clicks stay.
    ada.data("mutation($i: ID!) { deleteLink(input: { id: $i }) { deletedId } }", json!({ "i": titled["id"] })).await;
    assert_eq!(breakdown(&ada, json!({ "d": "LINK" })).await["rows"][0]["label"], "Spring");

    let first = async |dimension: &str| breakdown(&ada, json!({ "d": dimension })).await["rows"][0].take();
    let told = |row: &Value| (row["value"].clone(), row["label"].as_str().unwrap().to_owned(), row["link"].clone());
    assert_eq!(told(&first("REFERRER").await), (Value::Null, "Direct".into(), Value::Null));
    assert_eq!(told(&first("UTM_SOURCE").await), (Value::Null, "Unknown".into(), Value::Null));
    assert_eq!(told(&first("COUNTRY").await), (json!("DE"), "DE".into(), Value::Null));
    assert_eq!(told(&first("DEVICE").await), (json!("MOBILE"), "MOBILE".into(), Value::Null));
    let verdicts = breakdown(&ada, json!({ "d": "VERDICT" })).await;
    let values: Vec<_> = verdicts["rows"].as_array().unwrap().iter().map(|row| (&row["value"], &row["clicks"])).collect();
    assert_eq!(values, [(&json!("BOT"), &json!(4)), (&json!("HUMAN"), &json!(4))]);
    assert_eq!(verdicts["source"], "ROLLUP");
    assert_eq!(breakdown(&ada, json!({ "d": "NETWORK" })).await["source"], "CLICKS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_workspace_sees_nothing() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({})).await;
    running.store_clicks(&ada, &link, 0..6).await;
    let eve = running.anonymous().sign_up("eve").await;
    for dimension in ["LINK", "COUNTRY", "VERDICT"] {
        for filter in [Value::Null, json!({ "linkIds": [link["id"]] }), json!({ "countries": ["DE"] })] {
            let seen = breakdown(&eve, json!({ "d": dimension, "f": filter })).await;
            assert_eq!((&seen["rows"], &seen["total"], &seen["other"]), (&json!([]), &json!(0), &json!(0)), "{dimension} {filter}");
        }
    }
    let query = "query($f: ClickFilter) { clickTotals(filter: $f, compare: PREVIOUS_PERIOD) { redirectMicrosP50 previous { clicks } } }";
    let totals = eve.data(query, json!({ "f": { "linkIds": [link["id"]], "period": "TODAY" } })).await["clickTotals"].take();
    assert_eq!(totals, json!({ "redirectMicrosP50": null, "previous": { "clicks": 0 } }));
    let error = running.anonymous().error(BREAKDOWN, json!({ "d": "LINK" })).await;
    assert_eq!(told(&error).0, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_compared_up_to_the_same_time_of_day() {
    let running = start().await;
    let (ada, link) = two_days(&running).await;
    let fields = "clicks human bots suspected internal redirectMicrosP50 redirectMicrosP95";
    let query = format!(
        "query($f: ClickFilter, $c: Compare) {{ clickTotals(filter: $f, compare: $c) {{ {fields} previous {{ from to dataFrom {fields} }} }} }}"
    );
    let totals = async |filter: Value, compare: Value| ada.data(&query, json!({ "f": filter, "c": compare })).await["clickTotals"].take();
    let today = totals(json!({ "period": "TODAY", "verdicts": ["BOT", "HUMAN"] }), json!("PREVIOUS_PERIOD")).await;
    let previous = json!({ "from": "2026-02-28T00:00:00.000Z", "to": "2026-02-28T12:30:00.000Z", "dataFrom": "2026-02-28T12:30:00.000Z", "clicks": 90, "human": 45, "bots": 45, "suspected": 0, "internal": 0, "redirectMicrosP50": 50, "redirectMicrosP95": 50 });
    assert_eq!((&today["clicks"], &today["previous"]), (&json!(30), &previous));
    let year = totals(json!({ "period": "TODAY" }), json!("PREVIOUS_YEAR")).await["previous"].take();
    // There was no workspace yet, so none of it is covered.
    assert_eq!(year["dataFrom"], year["to"]);
    assert_eq!((&year["from"], &year["to"]), (&json!("2025-03-01T00:00:00.000Z"), &json!("2025-03-01T12:30:00.000Z")));
    assert_eq!((&year["clicks"], &year["redirectMicrosP50"]), (&json!(0), &Value::Null));
    let hour = json!({ "from": "2026-02-28T12:00:00Z", "to": "2026-02-28T12:20:00Z" });
    assert_eq!(totals(hour, json!("PREVIOUS_PERIOD")).await["previous"]["clicks"], 10);
    for (filter, compare) in [
        (json!({ "period": "ALL" }), json!("PREVIOUS_PERIOD")),
        (json!({ "to": "2026-03-01T00:00:00Z" }), json!("PREVIOUS_YEAR")),
        (Value::Null, json!("PREVIOUS_PERIOD")),
        (json!({ "period": "TODAY" }), Value::Null),
    ] {
        assert_eq!(totals(filter.clone(), compare.clone()).await["previous"], Value::Null, "{filter} {compare}");
    }
    let of_link = "query($i: ID!) { link(by: { id: $i }) { clickTotals(filter: { period: TODAY }, compare: PREVIOUS_PERIOD) { clicks redirectMicrosP95 previous { clicks } } } }";
    let of_link = ada.data(of_link, json!({ "i": link["id"] })).await["link"]["clickTotals"].take();
    assert_eq!(of_link, json!({ "clicks": 15, "redirectMicrosP95": 50, "previous": { "clicks": 45 } }));

    let rows = breakdown(&ada, json!({ "f": { "period": "TODAY" }, "d": "COUNTRY", "c": "PREVIOUS_PERIOD" })).await["rows"].take();
    assert_eq!((&rows[0]["clicks"], &rows[0]["previous"]["clicks"]), (&json!(15), &json!(45)));
    let rows = breakdown(&ada, json!({ "f": { "period": "TODAY" }, "d": "LINK", "c": "PREVIOUS_YEAR" })).await["rows"].take();
    assert_eq!(rows[0]["previous"]["clicks"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_are_joined_by_index_with_those_before() {
    let running = start().await;
    let (ada, _) = two_days(&running).await;
    let query = "query($f: ClickFilter, $b: Bucket!, $c: Compare) { clickSeries(filter: $f, bucket: $b, compare: $c) {
        points { ...P } previous { ...P } source } }
        fragment P on ClickPoint { start clicks partial p50: redirectMicrosP50 redirectMicrosP95 }";
    let series = async |variables: Value| ada.data(query, variables).await["clickSeries"].take();
    let today = series(json!({ "f": { "period": "TODAY" }, "b": "HOUR", "c": "PREVIOUS_PERIOD" })).await;
    let (points, previous) = (today["points"].as_array().unwrap(), today["previous"].as_array().unwrap());
    assert_eq!((points.len(), previous.len()), (13, 13));
    assert_eq!(
        points[12],
        json!({ "start": "2026-03-01T12:00:00.000Z", "clicks": 15, "partial": true, "p50": 50, "redirectMicrosP95": 50 })
    );
    assert_eq!(
        previous[12],
        json!({ "start": "2026-02-28T12:00:00.000Z", "clicks": 15, "partial": true, "p50": 50, "redirectMicrosP95": 50 })
    );
    assert_eq!(previous[11]["clicks"], 30);
    assert_eq!(
        previous[10],
        json!({ "start": "2026-02-28T10:00:00.000Z", "clicks": 0, "partial": false, "p50": null, "redirectMicrosP95": null })
    );
    let all = series(json!({ "b": "DAY", "c": "PREVIOUS_PERIOD" })).await;
    assert_eq!((&all["previous"], &all["source"]), (&Value::Null, &json!("ROLLUP")));

    let five = json!({ "from": "2026-03-01T12:00:30Z", "to": "2026-03-01T12:05:00Z" });
    let minutes = series(json!({ "f": five, "b": "MINUTE" })).await;
    let points: Vec<_> = minutes["points"].as_array().unwrap().iter().map(|point| (&point["clicks"], &point["partial"])).collect();
    let wanted = [(0, true), (0, false), (1, false), (0, false), (1, false)].map(|(clicks, partial)| (json!(clicks), json!(partial)));
    assert_eq!(points, wanted.iter().map(|(clicks, partial)| (clicks, partial)).collect::<Vec<_>>());
    assert_eq!((&minutes["points"][0]["start"], &minutes["source"]), (&json!("2026-03-01T12:00:00.000Z"), &json!("CLICKS")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_answered_is_refused() {
    let running = start().await;
    let ada = running.ada().await;
    for (variables, field) in [
        (json!({ "d": "LINK", "n": 501 }), "first"),
        (json!({ "d": "LINK", "n": -1 }), "first"),
        (json!({ "d": "CITY", "s": "x".repeat(201) }), "search"),
        (json!({ "d": "SHOE_SIZE" }), "dimension"),
        (json!({ "d": "CITY", "c": "LAST_TUESDAY" }), "compare"),
        (json!({ "d": "CITY", "f": { "browsers": [] } }), "filter.browsers"),
    ] {
        assert_eq!(told(&ada.error(BREAKDOWN, variables.clone()).await), ("VALIDATION".into(), vec![field.into()]), "{variables}");
    }
    let minutes = "{ clickSeries(filter: { from: \"2026-02-01T00:00:00Z\" }, bucket: MINUTE) { points { clicks } } }";
    assert_eq!(told(&ada.error(minutes, json!({})).await), ("VALIDATION".into(), vec!["filter".into()]));
    let most = json!({ "d": "LINK", "n": 500 });
    assert_eq!(breakdown(&ada, most).await["rows"], json!([]));
}

const SPLIT: &str = "query($f: ClickFilter, $b: Bucket!, $d: Dimension, $k: String, $t: Int) {
    clickSeries(filter: $f, bucket: $b, by: $d, key: $k, top: $t) {
        points { clicks } series { value label link { slug } points { start end clicks } } otherPoints { clicks } capped source } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_are_grouped_by_what_their_links_say() {
    for running in start_each().await {
        let ada = running.ada().await;
        let first = ada.create_link("https://example.com/", json!({ "slug": "a", "tags": ["Sale", "x"], "folder": "f" })).await;
        let second = ada.create_link("https://example.com/", json!({ "slug": "b", "tags": ["sale"], "metadata": { "k": 5 } })).await;
        running.store_clicks(&ada, &first, 0..6).await;
        running.store_clicks(&ada, &second, 0..2).await;
        let query = "query($d: Dimension!, $k: String, $n: Int, $o: BreakdownOrder, $s: String) {
            clickBreakdown(dimension: $d, key: $k, first: $n, orderBy: $o, search: $s) { rows { value label clicks share link { slug } } other total source } }";
        let found = async |variables: Value| ada.data(query, variables).await["clickBreakdown"].take();
        let row = |value: &str, clicks: u64, share: f64| json!({ "value": value, "label": value, "clicks": clicks, "share": share, "link": null });
        let tags = found(json!({ "d": "TAG" })).await;
        let wanted = json!({ "rows": [row("Sale", 4, 1.0), row("x", 3, 0.75)], "other": 0, "total": 4, "source": "ROLLUP" });
        assert_eq!(tags, wanted);
        assert_eq!(found(json!({ "d": "TAG", "n": 1 })).await["other"], 0);
        let by_value = found(json!({ "d": "TAG", "n": 1, "o": { "field": "VALUE" } })).await;
        assert_eq!((&by_value["rows"], &by_value["other"]), (&json!([row("x", 3, 0.75)]), &json!(1)));
        assert_eq!(found(json!({ "d": "TAG", "s": "SA" })).await["rows"], json!([row("Sale", 4, 1.0)]));
        let authority = first["shortUrl"].as_str().unwrap().trim_start_matches("https://").trim_end_matches("/a").to_owned();
        assert_eq!(found(json!({ "d": "DOMAIN" })).await["rows"], json!([row(&authority, 4, 1.0)]));
        let none = json!({ "value": null, "label": "None", "clicks": 1, "share": 0.25, "link": null });
        assert_eq!(found(json!({ "d": "FOLDER" })).await["rows"], json!([row("f", 3, 0.75), none]));
        let metadata = found(json!({ "d": "METADATA", "k": "k", "o": { "field": "CLICKS", "direction": "ASC" } })).await;
        assert_eq!(metadata["rows"][0], row("5", 1, 0.25));

        let series = ada.data(SPLIT, json!({ "b": "HOUR", "d": "TAG", "t": 1 })).await["clickSeries"].take();
        let point = json!({ "start": "2026-03-01T12:00:00.000Z", "end": "2026-03-01T13:00:00.000Z", "clicks": 4 });
        let of_sale = json!({ "value": "Sale", "label": "Sale", "link": null, "points": [point] });
        let wanted = json!({ "points": [{ "clicks": 4 }], "series": [of_sale], "otherPoints": [{ "clicks": 0 }], "capped": false, "source": "ROLLUP" });
        assert_eq!(series, wanted);
        let series = ada.data(SPLIT, json!({ "b": "DAY", "d": "LINK", "t": 1 })).await["clickSeries"].take();
        assert_eq!(series["series"][0]["link"]["slug"], "a");
        assert_eq!((&series["series"][0]["points"][0]["clicks"], &series["otherPoints"][0]["clicks"]), (&json!(3), &json!(1)));
        let plain = ada.data(SPLIT, json!({ "b": "DAY" })).await["clickSeries"].take();
        assert_eq!((&plain["series"], &plain["otherPoints"]), (&Value::Null, &Value::Null));
        let eve = running.anonymous().sign_up("eve").await;
        let theirs = eve.data(SPLIT, json!({ "b": "DAY", "d": "TAG" })).await["clickSeries"].take();
        assert_eq!(theirs["series"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_ordered_by_what_changed() {
    let running = start().await;
    let (ada, _) = two_days(&running).await;
    let query = "query($o: BreakdownOrder, $c: Compare) { clickBreakdown(filter: { period: TODAY }, dimension: LINK, orderBy: $o, compare: $c) { rows { clicks previous { clicks } } } }";
    let change = json!({ "field": "CHANGE", "direction": "ASC" });
    let rows = ada.data(query, json!({ "o": change, "c": "PREVIOUS_PERIOD" })).await["clickBreakdown"]["rows"].take();
    assert_eq!(rows, json!([{ "clicks": 15, "previous": { "clicks": 45 } }]));
    assert_eq!(told(&ada.error(query, json!({ "o": change })).await), ("VALIDATION".into(), vec!["compare".into()]));
    let micros = "{ clickTotals { redirectMicrosP99 } clickSeries(bucket: DAY) { points { redirectMicrosP99 } } }";
    let found = ada.data(micros, json!({})).await;
    assert_eq!(found["clickTotals"]["redirectMicrosP99"], found["clickSeries"]["points"][0]["redirectMicrosP99"].clone());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_is_split_within_bounds() {
    let running = start().await;
    let ada = running.ada().await;
    for (variables, paths) in [
        (json!({ "b": "DAY", "d": "TAG", "t": 21 }), vec!["top"]),
        (json!({ "b": "DAY", "d": "TAG", "t": 0 }), vec!["top"]),
        (json!({ "b": "DAY", "t": 5 }), vec!["by"]),
        (json!({ "b": "DAY", "d": "METADATA", "t": -1 }), vec!["top", "key"]),
        (json!({ "b": "DAY", "d": "TAG", "k": "x" }), vec!["key"]),
    ] {
        let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
        assert_eq!(told(&ada.error(SPLIT, variables.clone()).await), ("VALIDATION".into(), paths), "{variables}");
    }
}
