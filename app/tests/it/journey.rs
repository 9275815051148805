//! The main job: sign up, make a link, watch, click, see it counted.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{GraphQl, Program, ProgramOptions, wait_until};

use crate::program;

pub const PATIENCE: Duration = Duration::from_secs(30);
/// Clicks of a test that means it.
pub const MANY: u32 = 10_000;
pub const ALL: &str = r#"{ "verdicts": ["HUMAN", "SUSPECTED", "BOT", "INTERNAL"] }"#;
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const LIVE: &str = "subscription($f: ClickFilter, $a: String) { clicks(filter: $f, after: $a) { cursor click { parameter(key: \"n\") } } }";

/// A browser that does not follow redirects.
pub fn browser() -> reqwest::Client {
    use reqwest::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
    let headers = [(ACCEPT, "text/html,*/*;q=0.8"), (ACCEPT_ENCODING, "gzip, br"), (ACCEPT_LANGUAGE, "en-US,en;q=0.9")];
    let headers: HeaderMap = headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).user_agent(BROWSER);
    client.default_headers(headers).build().unwrap()
}

/// Clicks `slug` with `?n=` each of these numbers, over few connections.
pub async fn click_all(redirect: &str, slug: &str, numbers: std::ops::Range<u32>) {
    let browser = browser();
    let tasks: Vec<_> = (0..8)
        .map(|lane| {
            let (browser, numbers, url) = (browser.clone(), numbers.clone(), format!("http://{redirect}/{slug}"));
            tokio::spawn(async move {
                for number in numbers.skip(lane).step_by(8) {
                    let answer = browser.get(format!("{url}?n={number}")).send().await.unwrap();
                    assert_eq!(answer.status(), 302);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

pub async fn totals(api: &GraphQl) -> Value {
    let query = "query($f: ClickFilter) { clickTotals(filter: $f) { clicks human bots source liveCursor } }";
    let filter: Value = serde_json::from_str(ALL).unwrap();
    api.data(query, json!({ "f": filter })).await["clickTotals"].take()
}

/// Waits until the API has its database again. A request may join a look-up that began before.
pub async fn wait_for_database(api: &GraphQl) {
    let answers = async || api.send("{ workspace { id } }", json!({})).await.get("errors").is_none().then_some(());
    wait_until(PATIENCE, "the API has its database again", answers).await;
}

pub async fn wait_for_clicks(api: &GraphQl, count: u64) {
    wait_until(PATIENCE, &format!("{count} clicks are counted"), async || (totals(api).await["clicks"] == count).then_some(())).await;
}

/// The parameter `n` of every stored click, by paging through all of them.
pub async fn stored(api: &GraphQl) -> Vec<String> {
    let query = "query($a: String) { clicks(first: 100, after: $a, order: STORED) { nodes { parameter(key: \"n\") } pageInfo { hasNextPage endCursor } } }";
    let (mut numbers, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = api.data(query, json!({ "a": after })).await["clicks"].take();
        numbers.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["parameter"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            return numbers;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Waits until all of them are counted, and checks that each is stored once.
pub async fn expect_exactly(api: &GraphQl, count: u32) {
    wait_for_clicks(api, count.into()).await;
    let stored = stored(api).await;
    assert_eq!(stored.len(), count as usize);
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), numbers(0..count));
}

pub async fn wait_for_at_least(api: &GraphQl, count: u64) {
    let enough = async || (totals(api).await["clicks"].as_u64()? >= count).then_some(());
    wait_until(PATIENCE, &format!("{count} clicks are counted"), enough).await;
}

/// A subscriber that is there from before the first click.
pub struct Watching(tokio::task::JoinHandle<Vec<String>>, tokio::sync::watch::Sender<usize>);

/// Subscribes, and collects the parameter `n` of every event.
pub async fn watch(api: &GraphQl) -> Watching {
    let cursor = totals(api).await["liveCursor"].take();
    let mut live = api.subscribe(LIVE, json!({ "a": cursor })).await;
    let (wanted, mut enough) = tokio::sync::watch::channel(usize::MAX);
    let task = tokio::spawn(async move {
        let mut numbers = Vec::new();
        loop {
            tokio::select! {
                event = live.next() => numbers.push(event["clicks"]["click"]["parameter"].as_str().unwrap().to_owned()),
                _ = enough.changed() => {}
            }
            if numbers.len() >= *enough.borrow() {
                return numbers;
            }
        }
    });
    Watching(task, wanted)
}

impl Watching {
    /// Each came once.
    pub async fn expect_exactly(self, count: u32) {
        self.1.send(count as usize).unwrap();
        let received = tokio::time::timeout(PATIENCE, self.0).await.expect("all events in time").unwrap();
        assert_eq!(received.into_iter().collect::<BTreeSet<_>>(), numbers(0..count));
    }
}

pub fn numbers(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|number| number.to_string()).collect()
}

/// Everything a first user does, on a program or programs that are up.
pub async fn main_job(anonymous: &GraphQl, redirect: &str) {
    let ada = anonymous.sign_up("ada").await;
    let link = ada.create_link("https://example.com/landing?utm_source=site", json!({ "slug": "Spring", "title": "Spring sale" })).await;
    let mut live = ada.subscribe(LIVE, json!({})).await;
    // The socket's subscription is set up once its operation runs; clicks from then on come live.
    let answer = browser().get(format!("http://{redirect}/spring?n=first&utm_campaign=mail")).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()),
        (302, "https://example.com/landing?utm_source=site")
    );
    assert_eq!(answer.headers()["cache-control"], "private, no-store");
    wait_for_clicks(&ada, 1).await;
    let first = ada.data("{ clicks { totalCount nodes { link { id title } outcome status verdict browser os device utm { source campaign } parameters { key value } url } } }", json!({})).await;
    assert_eq!(first["clicks"]["totalCount"], 1);
    let node = &first["clicks"]["nodes"][0];
    assert_eq!((&node["link"]["id"], &node["link"]["title"]), (&link["id"], &json!("Spring sale")));
    assert_eq!(
        (&node["browser"], &node["os"], &node["device"], &node["verdict"]),
        (&json!("Chrome"), &json!("Windows"), &json!("DESKTOP"), &json!("HUMAN"))
    );
    assert_eq!(node["utm"], json!({ "source": "site", "campaign": "mail" }));
    assert_eq!(node["parameters"], json!([{ "key": "n", "value": "first" }]));

    click_all(redirect, "spring", 0..300).await;
    let (mut received, mut cursor) = (Vec::new(), Value::Null);
    while received.len() < 300 {
        let event = live.next().await["clicks"].take();
        cursor = event["cursor"].clone();
        let number = event["click"]["parameter"].as_str().unwrap().to_owned();
        if number != "first" {
            received.push(number);
        }
    }
    assert_eq!(received.iter().cloned().collect::<BTreeSet<_>>(), numbers(0..300));
    wait_for_clicks(&ada, 301).await;
    assert_eq!(totals(&ada).await["source"], "ROLLUP");

    // A subscriber that was away goes on from its cursor.
    drop(live);
    click_all(redirect, "spring", 300..320).await;
    let mut live = ada.subscribe(LIVE, json!({ "a": cursor })).await;
    let mut late = BTreeSet::new();
    while late.len() < 20 {
        late.insert(live.next().await["clicks"]["click"]["parameter"].as_str().unwrap().to_owned());
    }
    assert_eq!(late, numbers(300..320));

    let days = ada.data("{ clickSeries(bucket: DAY, timeZone: \"Europe/Berlin\") { points { clicks partial } } }", json!({})).await;
    let points = days["clickSeries"]["points"].as_array().unwrap();
    assert_eq!(points.iter().map(|point| point["clicks"].as_u64().unwrap()).sum::<u64>(), 321);
    assert_eq!(points.last().unwrap()["partial"], true);

    // Others see nothing of it.
    let eve = anonymous.sign_up("eve").await;
    assert_eq!(totals(&eve).await["clicks"], 0);
    let error = eve.error("query($i: ID!) { link(by: { id: $i }) { id } }", json!({ "i": link["id"] })).await;
    assert_eq!(error["extensions"]["code"], "NOT_FOUND");
    assert_eq!(anonymous.error("{ links { nodes { id } } }", json!({})).await["extensions"]["code"], "UNAUTHENTICATED");

    // A change is seen by the redirector, and so is the end.
    let update = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { version } } }";
    let input = json!({ "id": link["id"], "expectedVersion": 1, "targetUrl": "https://example.com/other", "slug": "summer" });
    assert_eq!(ada.data(update, json!({ "i": input })).await["updateLink"]["link"]["version"], 2);
    assert_eq!(ada.error(update, json!({ "i": input })).await["extensions"]["code"], "CONFLICT");
    for slug in ["spring", "summer"] {
        wait_until(PATIENCE, "the redirector knows of the change", async || {
            let answer = browser().head(format!("http://{redirect}/{slug}")).send().await.unwrap();
            (answer.headers().get("location")? == "https://example.com/other").then_some(())
        })
        .await;
    }
    ada.data("mutation($i: DeleteLinkInput!) { deleteLink(input: $i) { deletedId } }", json!({ "i": { "id": link["id"] } })).await;
    wait_until(PATIENCE, "the deleted link answers 410", async || {
        (browser().get(format!("http://{redirect}/summer")).send().await.unwrap().status() == 410).then_some(())
    })
    .await;
    assert_eq!(browser().get(format!("http://{redirect}/winter")).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()));
    program.ready().await;
    main_job(&program.api(), program.setting("REDIRECT_LISTEN")).await;
    assert_eq!(program.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_clicks_arrive_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()));
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let live = watch(&ada).await;
    click_all(program.setting("REDIRECT_LISTEN"), "a", 0..MANY).await;
    expect_exactly(&ada, MANY).await;
    live.expect_exactly(MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_nothing_answered_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()));
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    for round in 0..3 {
        click_all(program.setting("REDIRECT_LISTEN"), "a", round * 1_000..(round + 1) * 1_000).await;
        // Every answered click is in the spool, stored or not.
        program.restart();
        program.ready().await;
    }
    expect_exactly(&ada, 3_000).await;
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()));
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    for _ in 0..3 {
        let request = browser().get(format!("http://{}/a", program.setting("REDIRECT_LISTEN"))).header("x-forwarded-for", "198.51.100.7");
        assert_eq!(request.send().await.unwrap().status(), 302);
    }
    let advice = "All clicks arrive through 127.0.0.1, so every visitor looks the same. Set LINKLOGGER_TRUSTED_PROXIES=127.0.0.1/32.";
    assert_eq!(program.readyz().await["warnings"], json!([advice]));
    assert_eq!(program.log().matches(advice).count(), 1);
    assert!(!program.log().contains("198.51.100.7"));
}
