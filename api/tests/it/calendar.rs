//! Weeks and months of series, the hours of the week, and who is there right now, on both databases.

use domain::{Click, Millis, Verdict, VisitorKey};
use serde_json::{Value, json};
use store::Incoming;
use testkit::GraphQl;

use crate::fixture::{NOON, Running, click, start_each, told, workspace_of};

fn at(text: &str) -> Millis {
    Millis::from_timestamp(text.parse().unwrap())
}

/// Stores people's clicks of a new link.
async fn store(running: &Running, api: &GraphQl, clicks: &[(Millis, Option<&str>)]) -> Value {
    let link = api.create_link("https://example.com/", json!({})).await;
    let (workspace, id) = (workspace_of(api).await, link["id"].as_str().unwrap().parse().unwrap());
    let incoming = |(at, visitor): &(Millis, Option<&str>)| {
        let visitor = visitor.map(|key| VisitorKey { key: key.to_owned(), recipe: 1 });
        let click = Click { verdict: Verdict::Human, visitor, ..click(id, 0) };
        let click = Click { id: domain::ClickId::new(*at, platform::Rng::System.entropy()), ..click };
        Incoming { workspace, click, day: None, record: [].into(), frame: "frame".into() }
    };
    let batch: Vec<Incoming> = clicks.iter().map(incoming).collect();
    running.store.ingest(&batch, NOON).await.unwrap();
    link
}

/// Of nobody in particular.
async fn store_at(running: &Running, api: &GraphQl, instants: &[&str]) {
    store(running, api, &instants.iter().map(|text| (at(text), None)).collect::<Vec<_>>()).await;
}

fn points(of: &Value) -> Vec<(String, u64)> {
    let point = |point: &Value| (point["start"].as_str().unwrap()[..16].to_owned(), point["clicks"].as_u64().unwrap());
    of.as_array().unwrap().iter().map(point).collect()
}

fn wanted(points: &[(&str, u64)]) -> Vec<(String, u64)> {
    points.iter().map(|(start, clicks)| ((*start).to_owned(), *clicks)).collect()
}

const SERIES: &str = "query($f: ClickFilter, $b: Bucket!, $z: TimeZone, $w: Weekday, $c: Compare) {
    clickSeries(filter: $f, bucket: $b, timeZone: $z, weekStart: $w, compare: $c) { points { start end clicks partial } previous { start clicks } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_have_weeks_and_months_with_those_of_before_beside_them() {
    for running in start_each().await {
        let ada = running.ada().await;
        // The 1st of March 2026 is a Sunday; Berlin's clocks change on the 29th.
        store_at(
            &running,
            &ada,
            &["2025-03-04T12:00:00Z", "2026-02-28T23:30:00Z", "2026-03-01T12:00:00Z", "2026-03-29T22:30:00Z", "2026-03-31T21:59:00Z"],
        )
        .await;
        let series = async |variables: Value| ada.data(SERIES, variables).await["clickSeries"].take();
        let march = json!({ "from": "2026-02-28T23:00:00Z", "to": "2026-03-31T22:00:00Z" });
        let months = series(json!({ "f": march, "b": "MONTH", "z": "Europe/Berlin", "c": "PREVIOUS_PERIOD" })).await;
        assert_eq!(points(&months["points"]), wanted(&[("2026-02-28T23:00", 4)]));
        assert_eq!(points(&months["previous"]), wanted(&[("2026-01-31T23:00", 0)]));
        assert_eq!(months["points"][0]["end"], "2026-03-31T22:00:00.000Z");
        let year = series(json!({ "f": march, "b": "MONTH", "z": "Europe/Berlin", "c": "PREVIOUS_YEAR" })).await;
        assert_eq!(points(&year["previous"]), wanted(&[("2025-02-28T23:00", 1)]));
        let weeks =
            series(json!({ "f": { "from": "2026-03-01T12:00:00Z", "to": "2026-04-01T00:00:00Z" }, "b": "WEEK", "z": "Europe/Berlin" }))
                .await;
        let mondays = [
            ("2026-02-22T23:00", 1),
            ("2026-03-01T23:00", 0),
            ("2026-03-08T23:00", 0),
            ("2026-03-15T23:00", 0),
            ("2026-03-22T23:00", 0),
            ("2026-03-29T22:00", 2),
        ];
        assert_eq!(points(&weeks["points"]), wanted(&mondays));
        assert_eq!((&weeks["points"][0]["partial"], &weeks["previous"]), (&json!(true), &Value::Null));
        let sundays = series(json!({ "f": { "from": "2026-03-01T00:00:00Z", "to": "2026-03-08T00:00:00Z" }, "b": "WEEK", "z": "UTC", "w": "SUNDAY", "c": "PREVIOUS_YEAR" })).await;
        assert_eq!(points(&sundays["points"]), wanted(&[("2026-03-01T00:00", 1)]));
        assert_eq!(points(&sundays["previous"]), wanted(&[("2025-03-02T00:00", 1)]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_that_are_too_long_say_the_limit() {
    for running in start_each().await {
        let ada = running.ada().await;
        let refused = async |from: &str, to: &str, bucket: &str| {
            let error = ada.error(SERIES, json!({ "f": { "from": from, "to": to }, "b": bucket })).await;
            (told(&error), error["message"].as_str().unwrap().to_owned())
        };
        let minutes = refused("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "MINUTE").await;
        assert_eq!(minutes.0, ("VALIDATION".into(), vec!["filter".into()]));
        assert!(minutes.1.contains("1500"), "{}", minutes.1);
        for bucket in ["HOUR", "DAY", "WEEK", "MONTH"] {
            let century = refused("1926-01-01T00:00:00Z", "2026-01-01T00:00:00Z", bucket).await;
            assert_eq!(century.0, ("VALIDATION".into(), vec!["filter.from".into()]), "{bucket}");
            assert!(century.1.contains("60 years"), "{}", century.1);
        }
        let heatmap = "query($f: ClickFilter, $z: TimeZone) { heatmap(filter: $f, timeZone: $z) { source } }";
        assert_eq!(told(&ada.error(heatmap, json!({ "z": "Mars" })).await).1, ["timeZone"]);
        let inverted = json!({ "f": { "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z" } });
        assert_eq!(told(&ada.error(heatmap, inverted).await).1, ["filter.to"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heatmap_is_of_the_clocks_on_the_wall() {
    for running in start_each().await {
        let ada = running.ada().await;
        // Two of the hour that Berlin has twice, the night to Sunday; one late on a Monday, Tuesday in Kathmandu.
        let instants = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-03-02T18:20:00Z"];
        store_at(&running, &ada, &instants).await;
        let query = "query($f: ClickFilter, $z: TimeZone) { heatmap(filter: $f, timeZone: $z) { cells { weekday hour clicks } source dataFrom liveCursor } }";
        let heatmap = async |zone: &str, filter: Value| ada.data(query, json!({ "f": filter, "z": zone })).await["heatmap"].take();
        let busy = |heatmap: &Value| {
            let cells = heatmap["cells"].as_array().unwrap();
            assert_eq!(cells.len(), 168);
            let with_clicks = cells.iter().filter(|cell| cell["clicks"] != 0);
            with_clicks
                .map(|cell| [&cell["weekday"], &cell["hour"], &cell["clicks"]].map(|value| value.as_u64().unwrap()))
                .collect::<Vec<_>>()
        };
        let berlin = heatmap("Europe/Berlin", Value::Null).await;
        assert_eq!((busy(&berlin), &berlin["source"]), (vec![[1, 19, 1], [7, 2, 2]], &json!("ROLLUP")));
        assert_eq!(busy(&heatmap("Asia/Kathmandu", json!({ "to": "2026-03-31T00:00:00Z" })).await), [[2, 0, 1]]);
        // The same of one value, from hours where the zone's clocks differ by whole ones, and from clicks.
        for (zone, filter, source) in [
            ("Europe/Berlin", json!({ "browsers": ["Firefox"] }), "ROLLUP"),
            ("Europe/Berlin", json!({ "browsers": ["Firefox"], "countries": ["DE"] }), "CLICKS"),
            ("Asia/Kathmandu", json!({ "browsers": ["Firefox"] }), "CLICKS"),
        ] {
            let (found, all) = (heatmap(zone, filter.clone()).await, heatmap(zone, Value::Null).await);
            assert_eq!((busy(&found), &found["source"]), (busy(&all), &json!(source)), "{zone} {filter}");
        }
        assert_eq!(busy(&heatmap("UTC", json!({ "verdicts": ["BOT"] })).await), Vec::<[u64; 3]>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_visitors_are_those_of_the_last_five_minutes() {
    for running in start_each().await {
        let ada = running.ada().await;
        let before = |seconds: i64| NOON.plus(-seconds * 1_000);
        let clicks =
            [(before(301), Some("early")), (before(300), Some("a")), (before(10), Some("a")), (before(5), Some("b")), (before(5), None)];
        let link = store(&running, &ada, &clicks).await;
        running.store_clicks(&ada, &link, -1..0).await;
        let query = "query($f: ClickFilter) { liveVisitors(filter: $f) { visitors clicks withoutVisitor from } }";
        let live = async |filter: Value| ada.data(query, json!({ "f": filter })).await["liveVisitors"].take();
        let all = json!({ "visitors": 2, "clicks": 4, "withoutVisitor": 1, "from": "2026-03-01T11:55:00.000Z" });
        assert_eq!(live(Value::Null).await, all);
        assert_eq!(live(json!({ "verdicts": ["BOT"] })).await["clicks"], 1);
        assert_eq!(live(json!({ "from": "2026-03-01T11:59:54Z" })).await["visitors"], 1);
        assert_eq!(live(json!({ "to": "2026-03-01T11:00:00Z" })).await["clicks"], 0);
        let bob = running.anonymous().sign_up("bob").await;
        assert_eq!(bob.data(query, json!({})).await["liveVisitors"]["clicks"], 0);
    }
}
