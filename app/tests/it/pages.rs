//! What the built program makes of clicks above a rate, scans, previews, cards and reports.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{GraphQl, Program, ProgramOptions, wait_until};

use crate::journey::{browser, totals};
use crate::program;

const PATIENCE: Duration = Duration::from_secs(30);
const CLICKS: &str = "{ clicks(first: 100) { nodes { outcome status verdict verdictReason { code } utm { source } parameters { key } targetUrl network } } }";

async fn clicks(api: &GraphQl, count: usize) -> Vec<Value> {
    let stored = async || {
        let nodes = api.data(CLICKS, json!({})).await["clicks"]["nodes"].take();
        nodes.as_array().filter(|nodes| nodes.len() >= count).cloned()
    };
    wait_until(PATIENCE, &format!("{count} clicks are stored"), stored).await
}

fn those<'a>(clicks: &'a [Value], field: &str, value: &str) -> Vec<&'a Value> {
    clicks.iter().filter(|click| click[field] == value).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn previews_are_no_clicks_scans_are_a_source_and_reports_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let options = ProgramOptions::serve(folder.path());
    let mut program = Program::start(program(), options);
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    let input = json!({ "slug": "a", "title": "Spring", "description": "All of it", "forwardQuery": true });
    ada.create_link("https://example.com/landing", input).await;
    let (redirect, browser) = (program.setting("REDIRECT_LISTEN").to_owned(), browser());
    let url = |path: &str| format!("http://{redirect}{path}");
    let preview = browser.get(url("/a+")).send().await.unwrap().text().await.unwrap();
    assert!(preview.contains("<h1>example.com</h1>") && preview.contains("Spring"), "{preview}");
    let code = browser.get(url("/a/qr.svg")).send().await.unwrap();
    assert_eq!((code.status().as_u16(), code.headers()["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
    let scan = browser.get(url("/a?qr=1&n=1")).send().await.unwrap();
    assert_eq!(scan.headers()["location"], "https://example.com/landing?n=1");
    let card = browser.get(url("/a")).header("user-agent", "WhatsApp/2.23.20.0").send().await.unwrap().text().await.unwrap();
    assert!(card.contains("<meta property=\"og:title\" content=\"Spring\">"), "{card}");
    let stored = clicks(&ada, 3).await;
    let (shown, led) = (those(&stored, "outcome", "PREVIEW"), those(&stored, "outcome", "REDIRECTED"));
    assert_eq!((shown.len(), led.len()), (2, 1));
    assert_eq!(those(&stored, "verdict", "BOT").len(), 1);
    assert_eq!((&led[0]["utm"]["source"], &led[0]["parameters"]), (&json!("qr"), &json!([{ "key": "n" }])));
    assert_eq!(totals(&ada).await["clicks"], 1);
    // The form, as a browser sends it.
    let part = |before: &str| preview.split(before).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (action, link) = (part("action=\""), part("name=\"link\" value=\""));
    let sent = browser.post(&action).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(sent.body(format!("link={link}&reason=phishing&text=It+is+not+theirs")).send().await.unwrap().status(), 200);
    let reports = ada.data("{ linkReports { nodes { reason text link { slug } } } }", json!({})).await;
    assert_eq!(reports["linkReports"]["nodes"], json!([{ "reason": "PHISHING", "text": "It is not theirs", "link": { "slug": "a" } }]));
    assert!(program.log().contains("a link was reported") && !program.log().contains("not theirs"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_above_a_rate_are_led_on_and_suspected() {
    let folder = tempfile::tempdir().unwrap();
    let options = ProgramOptions::serve(folder.path()).with("CLICK_RATE", "1").with("TRUSTED_PROXIES", "127.0.0.0/8");
    let mut program = Program::start(program(), options);
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let (url, browser) = (format!("http://{}/a", program.setting("REDIRECT_LISTEN")), browser());
    for (from, count) in [(Some("203.0.113.1"), 40), (Some("198.51.100.1"), 5), (None, 40)] {
        for _ in 0..count {
            let request = from.iter().fold(browser.get(&url), |request, from| request.header("x-forwarded-for", *from));
            assert_eq!(request.send().await.unwrap().status(), 302);
        }
    }
    let stored = clicks(&ada, 85).await;
    let suspected = those(&stored, "verdict", "SUSPECTED");
    assert!((10..=30).contains(&suspected.len()), "{}", suspected.len());
    assert!(suspected.iter().all(|click| click["verdictReason"]["code"] == "RATE" && click["network"] == "203.0.113.0/24"));
    assert_eq!(those(&stored, "verdict", "HUMAN").len(), 85 - suspected.len());
}
