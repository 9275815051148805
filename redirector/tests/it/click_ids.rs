//! The click's id on its way to the target.

use domain::{Gate, Outcome, ResolvedLink, TargetUrl};

use crate::fixture::{Running, gated, link, start};

/// Where a request leads.
async fn led_to(running: &Running, path: &str) -> String {
    running.get(path).await.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_target_is_told_the_id_that_the_click_is_kept_under() {
    let running = start(&[]).await;
    let target = "https://example.com/p?a=1&ll_click=clk_old&b=%E4#/top?x";
    running.know("told", ResolvedLink { append_click_id: true, forward_query: true, ..link(target) });
    running.know("plain", ResolvedLink { forward_query: true, ..link(target) });
    // Neither what the target nor what the visitor writes there is taken for the click's id.
    let told = led_to(&running, "/told?ll_click=clk_mine&c=2&%6cl_click=x").await;
    let plain = led_to(&running, "/plain?c=2").await;
    let [first, second] = running.captured().await.try_into().unwrap();
    assert_eq!(told, format!("https://example.com/p?a=1&b=%E4&c=2&ll_click={}#/top?x", first.id));
    assert_eq!(plain, "https://example.com/p?a=1&ll_click=clk_old&b=%E4&c=2#/top?x");
    // The click is kept with the target as it is without its id.
    assert!(!first.target.contains(&first.id.to_string()) && first.id != second.id, "{}", first.target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fallback_is_told_as_well_and_a_page_tells_nothing() {
    let running = start(&[]).await;
    let fallback = Some(TargetUrl::from_store("https://example.com/later".into()));
    let late = Gate { starts_at: Some(domain::Millis::MAX), fallback, ..Gate::default() };
    running.know("early", ResolvedLink { append_click_id: true, ..gated("https://example.com/", late) });
    running.know("gone", ResolvedLink { append_click_id: true, deleted: true, ..link("https://example.com/") });
    running.know("long", ResolvedLink { append_click_id: true, ..link(&format!("https://example.com/?a={}", "x".repeat(4_050))) });
    let told = led_to(&running, "/early").await;
    assert!(running.get("/gone").await.headers().get("location").is_none());
    assert!(!led_to(&running, "/long").await.contains("ll_click"));
    let [early, gone, _] = running.captured().await.try_into().unwrap();
    assert_eq!((told, early.outcome), (format!("https://example.com/later?ll_click={}", early.id), Outcome::Fallback));
    assert_eq!(gone.outcome, Outcome::Disabled);
}
