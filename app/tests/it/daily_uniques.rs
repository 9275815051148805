//! Visitors told apart by day, as real clicks make them.

use serde_json::{Value, json};
use testkit::{GraphQl, Program, ProgramOptions, wait_until};

use crate::journey::PATIENCE;
use crate::program;
use crate::visitors::{BERLIN, CHROME, IPHONE, PARIS, visit};

const COUNTS: &str = "{ clickTotals { clicks dailyUniques withoutVisitor } \
    clickBreakdown(dimension: LINK) { rows { value dailyUniques } } clicks(first: 20) { nodes { visitor link { id } } } }";

/// What is counted once so many clicks are. Each field is answered from a moment of its own, so all are asked for
/// only after the last click is known to be counted.
async fn counts(api: &GraphQl, clicks: u64) -> Value {
    wait_until(PATIENCE, &format!("{clicks} clicks are counted"), async || {
        let totals = api.data("{ clickTotals { clicks } }", json!({})).await;
        (totals["clickTotals"]["clicks"] == clicks).then_some(())
    })
    .await;
    api.data(COUNTS, json!({})).await
}

/// Somebody in whose zone it is about midday, so that no day ends while the test runs.
async fn at_midday(api: &GraphQl) -> GraphQl {
    let new = api.sign_up("ada").await.data("{ clickTotals { dataFrom } }", json!({})).await;
    let hour: i8 = new["clickTotals"]["dataFrom"].as_str().unwrap()[11..13].parse().unwrap();
    // Names of this kind have the sign the other way round: Etc/GMT-5 is ahead by five hours.
    let zone = format!("Etc/GMT{:+}", hour - 12);
    let query = "mutation($i: SignUpInput!) { signUp(input: $i) { accessToken } }";
    let input = json!({ "email": "midday@example.com", "password": "correct horse battery", "workspaceName": "midday", "timeZone": zone });
    api.data(query, json!({ "i": input })).await;
    api.sign_in("midday").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_is_one_for_a_day_whatever_is_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let options = || ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1");
    let mut first = Program::start(program(), options());
    first.ready().await;
    let ada = at_midday(&first.api()).await;
    let (a, b) = (
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await,
        ada.create_link("https://example.com/", json!({ "slug": "b" })).await,
    );
    let redirect = first.setting("REDIRECT_LISTEN").to_owned();
    // The same browser at the same address, at another one, another browser, and the neighbour in its /64.
    for (path, from, agent) in
        [("a", BERLIN, CHROME), ("a", BERLIN, CHROME), ("b", BERLIN, CHROME), ("a", PARIS, CHROME), ("a", BERLIN, IPHONE)]
    {
        visit(&redirect, path, from, agent).await;
    }
    visit(&redirect, "a", "2001:db8:77:1::99", CHROME).await;
    let seen = counts(&ada, 6).await;
    assert_eq!(seen["clickTotals"], json!({ "clicks": 6, "dailyUniques": 3, "withoutVisitor": 0 }));
    let of = |counts: &Value, link: &Value| {
        let rows = counts["clickBreakdown"]["rows"].as_array().unwrap();
        rows.iter().find(|row| row["value"] == link["id"]).unwrap()["dailyUniques"].clone()
    };
    assert_eq!((of(&seen, &a), of(&seen, &b)), (json!(3), json!(1)));
    let nodes = seen["clicks"]["nodes"].as_array().unwrap();
    let keys: std::collections::BTreeSet<&str> = nodes.iter().map(|click| click["visitor"].as_str().unwrap()).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())), "{keys:?}");
    assert_eq!(first.stop().await, Some(0));

    let mut second = Program::start(program(), options());
    second.ready().await;
    visit(second.setting("REDIRECT_LISTEN"), "b", BERLIN, CHROME).await;
    visit(second.setting("REDIRECT_LISTEN"), "b", PARIS, CHROME).await;
    let ada = second.api().sign_in("midday").await;
    let seen = counts(&ada, 8).await;
    assert_eq!((&seen["clickTotals"]["dailyUniques"], of(&seen, &b)), (&json!(3), json!(2)));
}
