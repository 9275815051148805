//! What programs, pixels and scripts tell of clicks over plain HTTP.

use std::time::Duration;

use domain::ClickId;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use testkit::GraphQl;

use crate::conversions::clicked;
use crate::fixture::{NOON, Running, start, start_each};

const SEEN: &str =
    "{ conversionTotals(filter: { verdicts: [HUMAN, BOT] }) { conversions convertedClicks value { amount currency } engaged bounceRate } }";

async fn seen(running: &Running) -> Value {
    running.anonymous().sign_in("ada").await.data(SEEN, json!({})).await["conversionTotals"].take()
}

async fn key(api: &GraphQl, scope: &str) -> String {
    let make = format!("mutation {{ createApiKey(input: {{ name: \"x\", scopes: [{scope}] }}) {{ secret }} }}");
    api.data(&make, json!({})).await["createApiKey"]["secret"].as_str().unwrap().to_owned()
}

async fn tell(running: &Running, token: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("http://{}/conversions", running.authority)).bearer_auth(token);
    let answer = request.json(body).send().await.unwrap();
    assert!(answer.headers().contains_key("x-request-id"));
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// As a browser of a page elsewhere sends it.
async fn page(running: &Running, method: Method, path: &str, from: &str, body: String) -> Response {
    let request = reqwest::Client::new().request(method, format!("http://{}{path}", running.authority));
    let request = request.header("origin", "https://shop.example").header("x-forwarded-for", from);
    request.header("content-type", "text/plain;charset=UTF-8").body(body).send().await.unwrap()
}

async fn pixel(running: &Running, query: &str) -> Response {
    page(running, Method::GET, &format!("/c.gif?{query}"), "203.0.113.1", String::new()).await
}

async fn beacon(running: &Running, text: &str) -> u16 {
    page(running, Method::POST, "/e", "203.0.113.1", text.to_owned()).await.status().as_u16()
}

fn count(running: &Running, way: &str, result: &str) -> u64 {
    let start = format!("linklogger_api_conversions_total{{way=\"{way}\",result=\"{result}\"}} ");
    let text = running.metrics.encode();
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("no {start} in {text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_tells_with_its_key() {
    for running in start_each().await {
        let ada = running.ada().await;
        let clicks = clicked(&running, &ada, "a", 2).await;
        let (writer, reader) = (key(&ada, "CONVERSIONS_WRITE").await, key(&ada, "CLICKS_READ").await);
        let told = json!({ "clickId": clicks[0].id.to_string(), "eventId": "o-1", "name": "sale", "value": { "amount": 19.9, "currency": "EUR" },
            "occurredAt": "2026-03-01T13:00:00+01:00" });
        let (status, answer) = tell(&running, &writer, &told).await;
        assert_eq!((status, &answer["duplicate"]), (201, &json!(false)));
        assert_eq!(answer["conversion"]["value"], json!({ "amount": "19.90", "currency": "EUR" }));
        assert_eq!(answer["conversion"]["occurredAt"], "2026-03-01T12:00:00.000Z");
        let (status, again) = tell(&running, &writer, &told).await;
        assert_eq!((status, &again["duplicate"], &again["conversion"]), (200, &json!(true), &answer["conversion"]));
        let with = |field: &str, value: Value| {
            let mut told = told.clone();
            told[field] = value;
            told
        };
        let unknown = ClickId::new(NOON.plus(-3_600_000), [9; 10]).to_string();
        for (token, body, status, code) in [
            (writer.as_str(), with("clickId", json!(clicks[1].id.to_string())), 409, "CONFLICT"),
            (&writer, with("clickId", json!(unknown)), 404, "NOT_FOUND"),
            (&writer, with("clickID", json!("x")), 400, "VALIDATION"),
            (&writer, with("occurredAt", json!("yesterday")), 400, "VALIDATION"),
            (&writer, with("value", json!({ "amount": true, "currency": "EUR" })), 400, "VALIDATION"),
            (&writer, with("eventId", json!("x".repeat(9_000))), 400, "VALIDATION"),
            (&writer, json!([]), 400, "VALIDATION"),
            (&reader, told.clone(), 403, "FORBIDDEN"),
            (ada.token().unwrap(), told.clone(), 403, "FORBIDDEN"),
            ("ll_live_x", told.clone(), 401, "UNAUTHENTICATED"),
        ] {
            let (found, answer) = tell(&running, token, &body).await;
            assert_eq!((found, &answer["errors"][0]["extensions"]["code"]), (status, &json!(code)), "{answer}");
        }
        let (_, answer) = tell(&running, &writer, &json!({})).await;
        let issues = answer["errors"][0]["extensions"]["issues"].as_array().unwrap().iter().map(|issue| issue["path"].clone());
        assert_eq!(issues.collect::<Vec<_>>(), ["clickId", "eventId"]);
        let plain = reqwest::Client::new().post(format!("http://{}/conversions", running.authority)).body("{}").send().await.unwrap();
        assert_eq!(plain.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(seen(&running).await["conversions"], 1);
        assert_eq!((count(&running, "api", "stored"), count(&running, "api", "duplicate")), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pixel_is_a_picture_whatever_it_tells() {
    for running in start_each().await {
        let ada = running.ada().await;
        let clicks = clicked(&running, &ada, "a", 4).await;
        let of = |click: usize| format!("ll_click={}", clicks[click].id);
        let told = format!("{}&event=o-1&name=sale&amount=5.00&currency=USD", of(0));
        for query in [&told, &told, &of(2), &of(2), &format!("{}&name=lead", of(2))] {
            let answer = pixel(&running, query).await;
            let headers = answer.headers();
            assert_eq!((headers["content-type"].to_str().unwrap(), headers["cache-control"].to_str().unwrap()), ("image/gif", "no-store"));
            assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
            assert!(!headers.contains_key("set-cookie"));
            assert!(answer.status() == 200 && answer.bytes().await.unwrap().starts_with(b"GIF89a"), "{query}");
        }
        let totals = seen(&running).await;
        assert_eq!((&totals["conversions"], &totals["convertedClicks"]), (&json!(3), &json!(2)));
        assert_eq!(totals["value"], json!([{ "amount": "5.00", "currency": "USD" }]));
        let unknown = ClickId::new(NOON.plus(-3_600_000), [9; 10]);
        for query in [
            "",
            "ll_click=x",
            &format!("ll_click={unknown}"),
            &format!("{}&event=o-1", of(2)),
            &format!("{}&amount=1", of(0)),
            &"x".repeat(3_000),
        ] {
            assert_eq!(pixel(&running, query).await.status(), 200, "{query:.40}");
        }
        // Nobody may have seen the page, or asked for more than its head.
        let url = format!("http://{}/c.gif?{}&event=ahead", running.authority, of(0));
        assert_eq!(reqwest::Client::new().head(&url).send().await.unwrap().status(), 200);
        assert_eq!(reqwest::Client::new().get(&url).header("sec-purpose", "prefetch").send().await.unwrap().status(), 200);
        running.clock.advance(31 * 24 * 3_600_000);
        assert_eq!(pixel(&running, &format!("{}&event=late", of(0))).await.status(), 200);
        assert_eq!(seen(&running).await["conversions"], 3);
        let counts = ["stored", "duplicate", "invalid", "unknown_click", "conflict", "outside_window"]
            .map(|result| count(&running, "pixel", result));
        assert_eq!(counts, [3, 2, 4, 1, 1, 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_tells_once_that_somebody_stayed() {
    for running in start_each().await {
        let ada = running.ada().await;
        let clicks = clicked(&running, &ada, "a", 4).await;
        let script = page(&running, Method::GET, "/e.js", "203.0.113.1", String::new()).await;
        assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(script.headers()["cross-origin-resource-policy"], "cross-origin");
        assert!(script.text().await.unwrap().len() < 1_024);
        let id = clicks[0].id.to_string();
        assert_eq!((beacon(&running, &id).await, beacon(&running, &format!(" {id}\n")).await), (204, 204));
        let unknown = ClickId::new(NOON.plus(-3_600_000), [9; 10]).to_string();
        for (text, status) in [("", 400), ("clk_1", 400), (&*unknown, 404), (&*"x".repeat(10_000), 400)] {
            assert_eq!(beacon(&running, text).await, status, "{text:.40}");
        }
        let totals = seen(&running).await;
        assert_eq!((&totals["engaged"], &totals["bounceRate"], &totals["conversions"]), (&json!(1), &json!(0.75), &json!(0)));
        let counts = ["stored", "duplicate", "invalid", "unknown_click"].map(|result| count(&running, "beacon", result));
        assert_eq!(counts, [1, 1, 3, 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_network_tells_so_much_and_others_go_on() {
    let running = start().await;
    let nothing = format!("{}", ClickId::new(NOON.plus(-3_600_000), [9; 10]));
    for (method, path, status) in [(Method::GET, format!("/c.gif?ll_click={nothing}"), 200), (Method::POST, "/e".to_owned(), 404)] {
        let mut refused = None;
        for _ in 0..400 {
            let answer = page(&running, method.clone(), &path, "198.51.100.7", nothing.clone()).await;
            if answer.status() == 429 {
                refused = Some(answer.headers()["retry-after"].to_str().unwrap().to_owned());
                break;
            }
        }
        assert_eq!(refused.as_deref(), Some("1"), "{path}");
        assert_eq!(page(&running, method, &path, "198.51.100.8", nothing.clone()).await.status(), status);
    }
}

/// The page is quicker than the worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_that_is_under_way_is_waited_for() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({})).await;
    let workspace = crate::fixture::workspace_of(&ada).await;
    let of_link = link["id"].as_str().unwrap().parse().unwrap();
    let under_way = crate::fixture::click(of_link, 0);
    let id = under_way.id.to_string();
    let (authority, text) = (running.authority.clone(), id.clone());
    let telling =
        tokio::spawn(async move { reqwest::Client::new().post(format!("http://{authority}/e")).body(text).send().await.unwrap().status() });
    // It is being waited for, since an older one would have been answered by now.
    let older = ClickId::new(NOON.plus(-3_600_000), [9; 10]).to_string();
    assert_eq!(beacon(&running, &older).await, 404);
    assert!(!telling.is_finished());
    let incoming = store::Incoming { workspace, click: under_way, day: None, record: [].into(), frame: "frame".into() };
    running.store.ingest(&[incoming], NOON).await.unwrap();
    let status = tokio::time::timeout(Duration::from_secs(5), telling).await.unwrap().unwrap();
    assert_eq!(status, StatusCode::NO_CONTENT);
    // One that never comes is given up.
    assert_eq!(beacon(&running, &ClickId::new(NOON, [8; 10]).to_string()).await, 404);
}
