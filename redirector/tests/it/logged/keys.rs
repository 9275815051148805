//! Who may log a click, and how many.

use domain::{ApiKeyId, ApiKeyRight, ApiScope, Millis, compose_api_key};
use redirector::RateLimits;
use serde_json::{Value, json};
use stream::{LinkEvent, LinkNotices as _};
use testkit::wait_until;

use super::{PATIENCE, TARGET, key_id, know_key, know_key_of, post, refused, told};
use crate::fixture::{Setup, start, start_as};

/// What a test does to a key that is good.
type Change = fn(&mut ApiKeyRight);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_no_good_sends_nobody_on() {
    let running = start(&["127.0.0.1/32"]).await;
    let body = || json!({ "url": TARGET });
    let key = compose_api_key(key_id(), [7; 32]).0;
    assert_eq!(told(post(&running, &key, body()).await).await, refused(401, "UNAUTHENTICATED"), "unknown");
    for wrong in ["", "ll_live_x", &key[..key.len() - 1], "eyJhbGciOiJFZERTQSJ9.e30.x"] {
        assert_eq!(told(post(&running, wrong, body()).await).await, refused(401, "UNAUTHENTICATED"), "{wrong}");
    }
    let bare = running.http.post(running.url("/log-and-redirect")).json(&body()).send().await.unwrap();
    assert_eq!(bare.headers()["www-authenticate"].to_str().unwrap(), "Bearer");
    assert_eq!(told(bare).await, refused(401, "UNAUTHENTICATED"));
    let cases: [(u16, &str, Change); 5] = [
        (401, "UNAUTHENTICATED", |right| right.hash.0 = [0; 32]),
        (401, "UNAUTHENTICATED", |right| right.expires_at = Some(Millis(1_772_366_400_000))),
        (403, "FORBIDDEN", |right| right.scopes = vec![ApiScope::LinksRead, ApiScope::LinksWrite, ApiScope::ClicksRead]),
        (403, "FORBIDDEN", |right| right.networks = vec!["203.0.113.0/24".parse().unwrap()]),
        (302, "", |right| right.networks = vec!["127.0.0.0/8".parse().unwrap()]),
    ];
    for (status, code, change) in cases {
        know_key(&running, change);
        running.notices.publish(LinkEvent::Key { id: key_id() }).await;
        wait_until(PATIENCE, "the key is seen as it is", async || {
            let answer = post(&running, &key, body()).await;
            if status == 302 { (answer.status() == 302).then_some(()) } else { (told(answer).await == refused(status, code)).then_some(()) }
        })
        .await;
    }
    assert_eq!(running.captured().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_refused_is_told_what_to_do() {
    for (change, wanted) in [
        ((|right| right.scopes = vec![ApiScope::ClicksRead]) as Change, "Use one with the scope CLICKS_WRITE."),
        (|right| right.networks = vec!["203.0.113.0/24".parse().unwrap()], "Send from one of them, or use another key."),
        (|right| right.expires_at = Some(Millis(5)), "Check it, or make a new one with createApiKey."),
    ] {
        let running = start(&[]).await;
        let key = know_key(&running, change);
        let answer: Value = post(&running, &key, json!({ "url": TARGET })).await.json().await.unwrap();
        assert!(answer["error"]["message"].as_str().unwrap().ends_with(wanted), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_a_rate_that_it_shares_with_no_other() {
    let rates = RateLimits { clicks: 0, clicks_of_link: 0, misses: 0, clicks_of_key: 1 };
    let running = start_as(Setup { rates, ..Setup::default() }).await;
    let (busy, other) = (know_key(&running, |_| {}), know_key_of(&running, ApiKeyId::new(Millis(1), [4; 10]), |_| {}));
    let log = async |key: &str| post(&running, key, json!({ "url": TARGET })).await;
    let mut logged = 0;
    let answer = loop {
        let answer = log(&busy).await;
        if answer.status() != 302 {
            break answer;
        }
        logged += 1;
        assert!(logged < 1_000, "no end of clicks");
    };
    assert!(logged >= 2, "{logged}");
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(told(answer).await, refused(429, "RATE_LIMITED"));
    assert_eq!(log(&other).await.status(), 302);
    wait_until(PATIENCE, "it may again", async || (log(&busy).await.status() == 302).then_some(())).await;
    assert_eq!(running.captured().await.len(), logged + 2);
}
