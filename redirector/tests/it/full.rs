//! With no room left in the spool, and no broker, visitors do not notice.

use std::time::{Duration, Instant};

use domain::LossReason;
use stream::Delivery;

use crate::fixture::{Setup, link, start_as};

/// How long a visitor may be held up.
const VISITOR: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_holds_up_nobody_and_counts_what_it_cannot_keep() {
    let running = start_as(Setup { quota_bytes: Some(32 * 1_024), ..Setup::default() }).await;
    running.know("a", link("https://example.com/"));
    let mut answered = 0_u64;
    while running.metric("spool_lost_total{reason=\"quota\"}") < 20 {
        let begun = Instant::now();
        let answer = running.get(&format!("/a?n={answered}")).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (302, "https://example.com/"));
        assert!(begun.elapsed() < VISITOR, "a visitor waited for {:?}", begun.elapsed());
        answered += 1;
        assert!(answered < 10_000, "the spool is never full");
    }
    let (kept, lost) = (running.metric("redirector_clicks_total"), running.metric("redirector_lost_total{reason=\"spool\"}"));
    assert_eq!((kept + lost, lost), (answered, 20));
    let report = running.health.snapshot();
    assert!(report.parts["spool"].detail.contains("LINKLOGGER_SPOOL_QUOTA"), "{report:?}");
    // What was kept and what was not both reach the worker.
    let (mut clicks, mut losses) = (0, std::collections::BTreeMap::new());
    while clicks < kept || losses.is_empty() {
        for delivery in running.delivered().await {
            clicks += delivery.frame.records.len() as u64;
            losses.extend(delivery.frame.losses.iter().map(|loss| (loss.counter, *loss)));
            Delivery::ack(delivery).await.unwrap();
        }
    }
    assert_eq!(clicks, kept);
    assert!(losses.values().all(|loss| loss.reason == LossReason::Quota && loss.workspace == link("x").workspace));
    assert_eq!(losses.values().map(|loss| loss.count).sum::<u64>(), lost);
    // Then there is room again.
    assert_eq!(running.get("/a").await.status(), 302);
    assert_eq!(running.metric("redirector_clicks_total"), kept + 1);
}
