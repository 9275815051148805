//! What is answered, and what is captured of it.

use domain::{Method, Outcome, RedirectStatus, ResolvedLink};

use crate::fixture::{full, link, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_is_redirected_and_captured_with_its_facts() {
    let running = start(&["127.0.0.0/8"]).await;
    running.know("sale", link("https://example.com/landing?a=1"));
    let request = running.http.get(running.url("/Sale?n=7&utm_source=mail"));
    let request = request
        .header("x-forwarded-for", "6.6.6.6, 198.51.100.7")
        .header("user-agent", "Mozilla/5.0")
        .header("referer", "https://news.example/x");
    let answer = request.header("accept-language", "de-DE,de;q=0.9").send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("location").as_deref(), Some("https://example.com/landing?a=1"));
    assert_eq!(header("cache-control").as_deref(), Some("private, no-store"));
    assert_eq!(answer.text().await.unwrap(), "");
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!((click.method, click.outcome, click.status, click.link_version), (Method::Get, Outcome::Redirected, 302, 3));
    assert_eq!(click.url, "https://go.example/Sale?n=7&utm_source=mail");
    assert_eq!(click.target, "https://example.com/landing?a=1");
    assert_eq!(click.address, full("198.51.100.7"));
    assert_eq!(click.user_agent.as_deref(), Some("Mozilla/5.0"));
    assert_eq!(click.referrer.as_deref(), Some("https://news.example/x"));
    assert_eq!(click.accept_language.as_deref(), Some("de-DE,de;q=0.9"));
    assert_eq!(click.id.made_at(), running.clock.now());
    assert_eq!(running.metric("redirector_clicks_total"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_choose_status_and_forwarding() {
    let running = start(&[]).await;
    running.know(
        "m",
        ResolvedLink { redirect_status: RedirectStatus::parse(308).unwrap(), forward_query: true, ..link("https://example.com/?a=1") },
    );
    let answer = running.http.head(running.url("/m/?a=2&b=%0d%0aX")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (308, "https://example.com/?a=1&b=%0d%0aX"));
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!((click.method, click.status, click.user_agent), (Method::Head, 308, None));
    assert_eq!(click.target, "https://example.com/?a=1&b=%0d%0aX");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_link_is_a_page_and_a_counted_miss() {
    let running = start(&[]).await;
    running.know("known", link("https://example.com/"));
    for path in ["/nothing", "/a/b", "/ümlaut", "/a%00b", "/<script>"] {
        let answer = running.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        let page = answer.text().await.unwrap();
        assert!(page.contains("does not exist") && !page.contains("nothing"), "{page}");
    }
    assert_eq!(running.metric("redirector_misses_total"), 5);
    for (path, status) in [("/", 200), ("/robots.txt", 200), ("/favicon.ico", 200)] {
        assert_eq!(running.get(path).await.status(), status, "{path}");
    }
    let post = running.http.post(running.url("/known")).body("x").send().await.unwrap();
    assert_eq!((post.status().as_u16(), post.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    let elsewhere = running.http.get(running.url("/known")).header("host", "other.example").send().await.unwrap();
    assert_eq!(elsewhere.status(), 404);
    assert_eq!(running.metric("redirector_misses_total"), 6);
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_link_is_gone_and_captured() {
    let running = start(&[]).await;
    running.know("old", ResolvedLink { deleted: true, ..link("https://example.com/") });
    let answer = running.get("/old").await;
    assert_eq!(answer.status(), 410);
    assert!(answer.headers().get("location").is_none());
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!((click.outcome, click.status), (Outcome::Disabled, 410));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_headers_are_bounded_and_never_fatal() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    let request = running.http.get(running.url(&format!("/a?{}", "x".repeat(6_000))));
    let request = request.header("user-agent", "ü".repeat(2_000)).header("x-forwarded-for", "198.51.100.7");
    let bytes = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    assert_eq!(request.header("referer", bytes).send().await.unwrap().status(), 302);
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!(click.url.len(), 4_096);
    assert_eq!(click.user_agent.unwrap().chars().count(), 256);
    assert_eq!(click.referrer.as_deref(), Some("\u{fffd}\u{fffd}"));
    // Not believed, but told of.
    assert_eq!(click.address, full("127.0.0.1"));
    assert_eq!(running.health.snapshot().warnings.len(), 1);
}
