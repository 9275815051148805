//! A change of a link is seen by every redirector at once, whatever it reads links from.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Program, wait_until};

use crate::journey::browser;
use crate::processes::Processes;
use crate::visitors::{until_known, until_whole};

const SOON: Duration = Duration::from_secs(1);

/// Status and target.
async fn get(redirector: &Program, slug: &str) -> (u16, Option<String>) {
    let answer = browser().get(format!("http://{}/{slug}", redirector.setting("REDIRECT_LISTEN"))).send().await.unwrap();
    (answer.status().as_u16(), answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned()))
}

/// All see it within the same second.
async fn seen(redirectors: &[Program], slug: &str, expected: (u16, Option<&str>)) {
    let expected = (expected.0, expected.1.map(str::to_owned));
    wait_until(SOON, &format!("all see {expected:?}"), async || {
        for redirector in redirectors {
            if get(redirector, slug).await != expected {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_the_edge_and_one_with_a_database_see_every_change_within_a_second() {
    let processes = Processes::new();
    let api = processes.start(processes.options("api", "api")).await;
    let ada = api.api().sign_up("ada").await;
    let with_database = processes.options("api", "inside").with("ROLES", "redirector").with("SHORT_DOMAIN", "localhost");
    let redirectors = [
        processes.start(processes.options("redirector", "one")).await,
        processes.start(processes.options("redirector", "two")).await,
        processes.start(with_database).await,
    ];
    ada.create_link("https://example.com/", json!({ "slug": "first" })).await;
    for redirector in &redirectors {
        until_whole(redirector.setting("REDIRECT_LISTEN")).await;
        until_known(redirector.setting("REDIRECT_LISTEN"), "first").await;
        // A slug that was asked for and was none.
        assert_eq!(get(redirector, "a").await.0, 404);
    }
    let link = ada.create_link("https://example.com/0", json!({ "slug": "a" })).await;
    seen(&redirectors, "a", (302, Some("https://example.com/0"))).await;
    let change = async |input: Value| {
        let mut changed = json!({ "id": link["id"] });
        changed.as_object_mut().unwrap().extend(input.as_object().cloned().unwrap());
        ada.data("mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { version } } }", json!({ "i": changed })).await;
    };
    for target in ["https://example.com/1", "https://example.com/2", "https://example.com/3"] {
        change(json!({ "targetUrl": target })).await;
        seen(&redirectors, "a", (302, Some(target))).await;
    }
    change(json!({ "disabled": true })).await;
    seen(&redirectors, "a", (404, None)).await;
    ada.data("mutation($i: DeleteLinkInput!) { deleteLink(input: $i) { deletedId } }", json!({ "i": { "id": link["id"] } })).await;
    seen(&redirectors, "a", (410, None)).await;
}
