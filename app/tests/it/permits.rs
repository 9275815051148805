//! Click limits at the edge: redirectors without a database ask an api for permits.

use serde_json::{Value, json};
use testkit::{GraphQl, Program, wait_until};

use crate::journey::{PATIENCE, browser};
use crate::processes::Processes;
use crate::visitors::until_known;

async fn get(edge: &Program, slug: &str) -> u16 {
    let url = format!("http://{}/{slug}", edge.setting("REDIRECT_LISTEN"));
    browser().get(url).send().await.unwrap().status().as_u16()
}

/// Two edges, an api, and someone signed in to it.
async fn start() -> (Processes, [Program; 2], Program, GraphQl) {
    let processes = Processes::new();
    let api = processes.start(processes.options("api", "api")).await;
    let ada = api.api().sign_up("ada").await;
    let one = processes.start(processes.options("redirector", "one")).await;
    let other = processes.start(processes.options("redirector", "other")).await;
    (processes, [one, other], api, ada)
}

async fn link(ada: &GraphQl, edges: &[Program; 2], slug: &str, more: Value) {
    let mut input = json!({ "slug": slug });
    input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    ada.create_link("https://example.com/", input).await;
    for edge in edges {
        until_known(edge.setting("REDIRECT_LISTEN"), slug).await;
    }
}

/// How many of 500 visitors at once are led on; the others get `otherwise`.
async fn rush(edges: &[Program; 2], slug: &str, otherwise: &[u16]) -> u32 {
    let urls = edges.each_ref().map(|edge| format!("http://{}/{slug}", edge.setting("REDIRECT_LISTEN")));
    let browser = browser();
    let visits: Vec<_> = (0..500)
        .map(|number| {
            let request = browser.get(&urls[number % 2]);
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    let mut led = 0;
    for visit in visits {
        match visit.await.unwrap() {
            302 => led += 1,
            status => assert!(otherwise.contains(&status), "{status}"),
        }
    }
    led
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_limit_holds_over_edges_and_is_used_up() {
    let (_processes, edges, _api, ada) = start().await;
    link(&ada, &edges, "fifty", json!({ "clickLimit": 50 })).await;
    let mut led = rush(&edges, "fifty", &[410]).await;
    assert!(led <= 50, "{led}");
    // What blocks still held comes back within seconds.
    wait_until(PATIENCE, "all fifty are used", async || {
        for edge in &edges {
            led += u32::from(get(edge, "fifty").await == 302);
        }
        (led >= 50).then_some(())
    })
    .await;
    assert_eq!(rush(&edges, "fifty", &[410]).await, 0);
    assert_eq!(led, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fast_limit_is_passed_by_its_bound_at_most() {
    let (_processes, edges, mut api, ada) = start().await;
    link(&ada, &edges, "fast", json!({ "clickLimit": 50, "clickLimitMode": "FAST" })).await;
    // Above its bound an edge waits to hear, and refuses nobody while there are permits.
    let led = rush(&edges, "fast", &[410]).await;
    assert!((50..=250).contains(&led), "{led}");
    for edge in &edges {
        wait_until(PATIENCE, "an edge knows that the limit is reached", async || (get(edge, "fast").await == 410).then_some(())).await;
    }
    assert_eq!(rush(&edges, "fast", &[410]).await, 0);
    // While it cannot be asked for, each leads on a hundred.
    link(&ada, &edges, "blind", json!({ "clickLimit": 100_000, "clickLimitMode": "FAST" })).await;
    api.kill();
    assert_eq!(rush(&edges, "blind", &[503]).await, 200);
    api.restart();
    api.ready().await;
    for edge in &edges {
        wait_until(PATIENCE, "an edge leads on again", async || (get(edge, "blind").await == 302).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_api_nobody_is_led_on_and_with_it_again() {
    let (_processes, edges, mut api, ada) = start().await;
    link(&ada, &edges, "plain", json!({ "clickLimit": 1_000 })).await;
    link(&ada, &edges, "else", json!({ "clickLimit": 1_000, "fallbackUrl": "https://example.com/else" })).await;
    api.kill();
    assert_eq!(rush(&edges, "plain", &[503]).await, 0);
    let answer = browser().get(format!("http://{}/else", edges[0].setting("REDIRECT_LISTEN"))).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "https://example.com/else");
    api.restart();
    api.ready().await;
    for edge in &edges {
        wait_until(PATIENCE, "an edge leads on again", async || (get(edge, "plain").await == 302).then_some(())).await;
    }
}
