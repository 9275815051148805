//! The lines beside the links of a list.

use serde_json::{Value, json};

use crate::fixture::{start_each, told};

const LINES: &str = "query($d: Int!) { links { nodes { id week: sparkline(days: 7) line: sparkline(days: $d) default: sparkline } } }";
const SERIES: &str = "query($i: ID!, $f: DateTime!, $t: DateTime!) {
    clickSeries(filter: { linkIds: [$i], from: $f, to: $t }, bucket: DAY) { points { clicks } }
}";
/// Of the fixture's clicks, which are a minute from each other.
const DAY: i64 = 24 * 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_a_page_are_the_series_of_its_links() {
    for running in start_each().await {
        let ada = running.ada().await;
        let eve = running.anonymous().sign_up("eve").await;
        running.store_clicks(&eve, &eve.create_link("https://example.com/", json!({})).await, 0..8).await;
        for number in 0..5 {
            let link = ada.create_link("https://example.com/", json!({})).await;
            // The last one has none.
            for days in 0..4 - number {
                let first = -days * (number + 1) * DAY;
                running.store_clicks(&ada, &link, first - 2 * number - days..first + 1).await;
            }
        }
        // Lines of two workspaces and of several lengths, asked for at the same moment.
        let (page, theirs) = tokio::join!(ada.data(LINES, json!({ "d": 3 })), eve.data(LINES, json!({ "d": 3 })));
        let lines = page["links"]["nodes"].as_array().unwrap();
        assert_eq!(lines.len(), 5);
        for line in lines {
            for (name, days, from) in
                [("line", 3, "2026-02-27T00:00:00Z"), ("week", 7, "2026-02-23T00:00:00Z"), ("default", 30, "2026-01-31T00:00:00Z")]
            {
                let range = json!({ "i": line["id"], "f": from, "t": "2026-03-02T00:00:00Z" });
                let points = ada.data(SERIES, range).await["clickSeries"]["points"].take();
                let wanted: Vec<Value> = points.as_array().unwrap().iter().map(|point| point["clicks"].clone()).collect();
                assert_eq!((line[name].clone(), wanted.len()), (json!(wanted), days), "{name}");
            }
        }
        assert!(lines.iter().filter(|line| line["week"] != json!([0, 0, 0, 0, 0, 0, 0])).count() == 4);
        assert_eq!(theirs["links"]["nodes"][0]["line"], json!([0, 0, 4]));
        let error = ada.error(LINES, json!({ "d": 91 })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec!["days".into()]));
    }
}
