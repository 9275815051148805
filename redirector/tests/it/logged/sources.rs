//! Keys and what workspaces decide, while their source is down, lags behind, or tells of a change.

use std::sync::atomic::Ordering;

use domain::{ApiKeyState, ReferrerPolicy, WorkspacePolicy};
use serde_json::json;
use stream::{LinkEvent, LinkNotices as _};
use testkit::wait_until;

use super::{PATIENCE, TARGET, key_id, know_key, post, refused, told, workspace};
use crate::fixture::{link, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_down_is_no_reason_to_refuse_what_is_known() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    running.policies.down.store(true, Ordering::SeqCst);
    assert_eq!(told(post(&running, &key, json!({ "url": TARGET })).await).await, refused(503, "UNAVAILABLE"));
    running.policies.down.store(false, Ordering::SeqCst);
    running.clock.advance(2_000);
    assert_eq!(post(&running, &key, json!({ "url": TARGET })).await.status(), 302);
    running.policies.down.store(true, Ordering::SeqCst);
    running.clock.advance(60_000);
    assert_eq!(post(&running, &key, json!({ "url": TARGET })).await.status(), 302);
    // Revoked, and the notice lost: seen when the source answers again.
    running.policies.keys.lock().unwrap().insert(key_id(), ApiKeyState { id: key_id(), version: 2, right: None });
    running.policies.down.store(false, Ordering::SeqCst);
    running.clock.advance(60_000);
    assert_eq!(told(post(&running, &key, json!({ "url": TARGET })).await).await, refused(401, "UNAUTHENTICATED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_outlasts_its_source_by_an_hour() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    let status = async || post(&running, &key, json!({ "url": TARGET })).await.status().as_u16();
    assert_eq!(status().await, 302);
    running.policies.down.store(true, Ordering::SeqCst);
    // However often it is asked for meanwhile.
    for _ in 0..6 {
        running.clock.advance(9 * 60_000);
        assert_eq!(status().await, 302);
    }
    running.clock.advance(9 * 60_000);
    assert_eq!(status().await, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_lags_behind_brings_no_key_back() {
    let running = start(&[]).await;
    let key = know_key(&running, |_| {});
    let good = running.policies.keys.lock().unwrap()[&key_id()].clone();
    let status = async || post(&running, &key, json!({ "url": TARGET })).await.status().as_u16();
    let revoked = ApiKeyState { version: 2, right: None, ..good.clone() };
    running.policies.keys.lock().unwrap().insert(key_id(), revoked);
    assert_eq!(status().await, 401);
    running.policies.keys.lock().unwrap().insert(key_id(), good);
    running.clock.advance(30_000);
    assert_eq!(status().await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referrer_policy_is_heard_of_by_cached_links_at_once() {
    let running = start(&[]).await;
    running.know("a", link(TARGET));
    let policy = async || running.get("/a").await.headers().get("referrer-policy").map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(policy().await, None);
    let asked = running.links.asked.load(Ordering::SeqCst);
    let decided = WorkspacePolicy { version: 1, referrer_policy: Some(ReferrerPolicy::Origin), ..WorkspacePolicy::undecided(workspace()) };
    running.policies.workspaces.lock().unwrap().insert(workspace(), decided);
    running.notices.publish(LinkEvent::Workspace { id: workspace() }).await;
    wait_until(PATIENCE, "the policy is sent", async || (policy().await.as_deref() == Some("origin")).then_some(())).await;
    // The link itself was not looked up for it, and the policy is asked once, not with each redirect.
    assert!(running.links.asked.load(Ordering::SeqCst) <= asked + 1);
    let asked = running.policies.asked.load(Ordering::SeqCst);
    for _ in 0..5 {
        policy().await;
    }
    assert_eq!(running.policies.asked.load(Ordering::SeqCst), asked);
    // A page that leads nowhere has its own.
    assert_eq!(running.get("/nothing").await.headers()["referrer-policy"], "no-referrer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_of_a_workspace_that_is_to_be_deleted_lead_nowhere_until_it_is_kept() {
    let running = start(&[]).await;
    running.know("a", link(TARGET));
    let statuses = async || {
        let mut statuses = Vec::new();
        for path in ["/a", "/a+", "/a/qr.svg"] {
            statuses.push(running.get(path).await.status().as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [302, 200, 200]);
    for (version, closed, wanted) in [(1, true, [410, 410, 410]), (2, false, [302, 200, 200])] {
        let decided = WorkspacePolicy { version, closed, ..WorkspacePolicy::undecided(workspace()) };
        running.policies.workspaces.lock().unwrap().insert(workspace(), decided);
        running.notices.publish(LinkEvent::Workspace { id: workspace() }).await;
        wait_until(PATIENCE, "the workspace's end is heard of", async || (statuses().await == wanted).then_some(())).await;
    }
}
