//! The cache in front of the source of links.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::ResolvedLink;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use stream::{LinkEvent, LinkNotices, StreamError};
use testkit::wait_until;

use crate::fixture::{Running, Setup, link, start, start_as};

const PATIENCE: Duration = Duration::from_secs(5);

async fn location(running: &Running, path: &str) -> Option<String> {
    Some(running.get(path).await.headers().get("location")?.to_str().ok()?.to_owned())
}

fn asked(running: &Running) -> usize {
    running.links.asked.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_ask_the_source_once() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    let requests = (0..100).map(|_| {
        let request = running.http.get(running.url("/a"));
        tokio::spawn(async move { request.send().await.unwrap().status() })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), 302);
    }
    // The cache begins to listen for notices meanwhile, which makes it look once more.
    assert!(asked(&running) <= 2, "{}", asked(&running));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_is_heard_at_once() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/1"));
    assert_eq!(location(&running, "/a").await.as_deref(), Some("https://example.com/1"));
    running.know("a", link("https://example.com/2"));
    wait_until(PATIENCE, "the changed link", async || {
        running.changed("a").await;
        (location(&running, "/a").await? == "https://example.com/2").then_some(())
    })
    .await;
    // A slug that was no link becomes one.
    assert_eq!(running.get("/b").await.status(), 404);
    running.know("b", link("https://example.com/b"));
    running.changed("b").await;
    wait_until(PATIENCE, "the new link", async || location(&running, "/b").await).await;
    running.know("b", ResolvedLink { deleted: true, ..link("https://example.com/b") });
    running.changed("b").await;
    wait_until(PATIENCE, "the deleted link", async || (running.get("/b").await.status() == 410).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_notice_costs_a_minute_at_most() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/1"));
    assert_eq!(location(&running, "/a").await.as_deref(), Some("https://example.com/1"));
    running.know("a", link("https://example.com/2"));
    running.clock.advance(60_000);
    assert_eq!(location(&running, "/a").await.as_deref(), Some("https://example.com/2"));
    assert_eq!(running.get("/late").await.status(), 404);
    running.know("late", link("https://example.com/late"));
    running.clock.advance(5_000);
    assert_eq!(running.get("/late").await.status(), 302);
}

/// Notices that are never heard: nothing comes, or there is nobody to listen to.
#[derive(Debug)]
pub enum Silent {
    Nothing,
    Refused,
}

#[async_trait::async_trait]
impl LinkNotices for Silent {
    async fn publish(&self, _: LinkEvent) {}

    async fn follow(&self) -> Result<BoxStream<'static, LinkEvent>, StreamError> {
        match self {
            Self::Nothing => Ok(futures_util::stream::pending().boxed()),
            Self::Refused => Err(StreamError::Broker("refused".into())),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_notices_lost_every_change_is_seen_within_a_minute() {
    for notices in [Silent::Nothing, Silent::Refused] {
        let running = start_as(Setup { notices: Some(Arc::new(notices)), ..Setup::default() }).await;
        for version in 1..5 {
            let target = format!("https://example.com/{version}");
            running.know("a", ResolvedLink { version, ..link(&target) });
            // Until then what is known is served; where notices cannot be listened to it may be looked up at any time.
            running.clock.advance(60_000);
            assert_eq!(location(&running, "/a").await, Some(target));
        }
        running.know("a", ResolvedLink { version: 5, deleted: true, ..link("https://example.com/4") });
        running.clock.advance(60_000);
        assert_eq!(running.get("/a").await.status(), 410);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_notices_nothing_is_looked_up_before_its_time() {
    let running = start_as(Setup { notices: Some(Arc::new(Silent::Nothing)), ..Setup::default() }).await;
    running.know("a", link("https://example.com/1"));
    // Once it listens, everything from before is stale.
    wait_until(PATIENCE, "the cache listens", async || {
        let before = asked(&running);
        location(&running, "/a").await;
        (asked(&running) == before).then_some(())
    })
    .await;
    running.know("a", ResolvedLink { version: 4, ..link("https://example.com/2") });
    let before = asked(&running);
    running.clock.advance(29_000);
    assert_eq!((location(&running, "/a").await.as_deref(), asked(&running)), (Some("https://example.com/1"), before));
    // Then nobody waits for it.
    running.clock.advance(1_000);
    assert_eq!(location(&running, "/a").await.as_deref(), Some("https://example.com/1"));
    wait_until(PATIENCE, "it is looked up", async || {
        (location(&running, "/a").await.as_deref() == Some("https://example.com/2")).then_some(())
    })
    .await;
    assert_eq!(asked(&running), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_source_that_hangs() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    assert_eq!(running.get("/a").await.status(), 302);
    running.links.hangs.store(true, Ordering::SeqCst);
    for later in [30_000, 600_000, 1_000, 10_000, 54_000] {
        running.clock.advance(later);
        // A look-up is given up after two seconds.
        let answer = tokio::time::timeout(Duration::from_millis(1_500), running.get("/a")).await;
        assert_eq!(answer.expect("the visitor waits for the source").status(), 302, "after {later} ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_lags_behind_takes_nothing_back() {
    let running = start(&[]).await;
    let version = |version, target| ResolvedLink { version, ..link(target) };
    running.know("a", version(7, "https://example.com/7"));
    assert_eq!(location(&running, "/a").await.as_deref(), Some("https://example.com/7"));
    running.know("a", version(6, "https://example.com/6"));
    running.clock.advance(60_000);
    assert_eq!(location(&running, "/a").await.as_deref(), Some("https://example.com/7"));
    running.know("a", version(8, "https://example.com/8"));
    running.clock.advance(1_000);
    let is_eight = async || (location(&running, "/a").await.as_deref() == Some("https://example.com/8")).then_some(());
    wait_until(PATIENCE, "the source has caught up", is_eight).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_down_never_makes_a_false_404() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    assert_eq!(running.get("/a").await.status(), 302);
    running.links.down.store(true, Ordering::SeqCst);
    running.clock.advance(3_600_000);
    assert_eq!(running.get("/a").await.status(), 302);
    let unknown = running.get("/b").await;
    assert_eq!((unknown.status().as_u16(), unknown.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    // It is not asked again for every visitor.
    let before = asked(&running);
    for _ in 0..5 {
        running.get("/b").await;
        running.get("/a").await;
    }
    assert!(asked(&running) <= before + 1, "{} after {before}", asked(&running));
    running.links.down.store(false, Ordering::SeqCst);
    running.know("b", link("https://example.com/b"));
    running.clock.advance(1_000);
    assert_eq!(running.get("/b").await.status(), 302);
    assert_eq!(running.metric("redirector_misses_total"), 0);
    // What was no link a while ago may be one now.
    assert_eq!(running.get("/c").await.status(), 404);
    running.links.down.store(true, Ordering::SeqCst);
    running.clock.advance(5_000);
    assert_eq!(running.get("/c").await.status(), 503);
}
