//! `linklogger demo`: a workspace with a past, once, and a link that signs in.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{GraphQl, Postgres, Program, ProgramOptions, wait_until};

use crate::program;

const PATIENCE: Duration = Duration::from_secs(60);

fn demo(folder: &std::path::Path) -> ProgramOptions {
    let arguments = ["demo", "--history-days", "5", "--seed", "1"].map(str::to_owned).to_vec();
    ProgramOptions { arguments, ..ProgramOptions::serve(folder) }
}

/// The token and the password of the `count`th invitation printed.
async fn invitation(program: &Program, count: usize) -> (String, String) {
    wait_until(PATIENCE, "the demo says how to sign in", async || {
        let log = program.log();
        let (_, after) = log.match_indices("/enter#").nth(count - 1).map(|(at, text)| log.split_at(at + text.len()))?;
        let token = after.split_whitespace().next()?.to_owned();
        let (line, _) = after.split_once("password ")?.1.split_once('\n')?;
        Some((token, line.to_owned()))
    })
    .await
}

async fn session(api: &GraphQl, mutation: &str, input: Value) -> GraphQl {
    let kind = format!("{}{}Input!", mutation[..1].to_uppercase(), &mutation[1..]);
    let query = format!("mutation($i: {kind}) {{ session: {mutation}(input: $i) {{ accessToken }} }}");
    let data = api.data(&query, json!({ "i": input })).await;
    api.with_token(data["session"]["accessToken"].as_str().unwrap())
}

async fn clicks(api: &GraphQl, filter: Value) -> u64 {
    let query = "query($f: ClickFilter) { clickTotals(filter: $f) { human bots } }";
    let totals = api.data(query, json!({ "f": filter })).await["clickTotals"].take();
    totals["human"].as_u64().unwrap() + totals["bots"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_with_a_past_and_a_link_that_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    play(demo(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_postgresql() {
    let (folder, postgres) = (tempfile::tempdir().unwrap(), Postgres::shared());
    play(demo(folder.path()).with("DATABASE_URL", postgres.url(&postgres.create_database()))).await;
}

async fn play(options: ProgramOptions) {
    let mut running = Program::start(program(), options);
    running.ready().await;
    let (token, password) = invitation(&running, 1).await;
    assert!(running.log().contains("Making 5 days of demo history …\n"));

    let later = session(&running.api(), "signIn", json!({ "email": "demo@example.com", "password": password })).await;
    let week = clicks(&later, json!({ "period": "LAST_7_DAYS" })).await;
    assert!((4_800..12_000).contains(&week), "{week}");
    // The workspace is as old as its past, so that nothing is left out of what counts from there.
    let whole = later
        .data(
            "{ workspace { createdAt } clickSeries(bucket: DAY) { points { clicks } } links { nodes { createdAt lastClickedAt } } }",
            json!({}),
        )
        .await;
    let points = whole["clickSeries"]["points"].as_array().unwrap();
    // Of the day that it was made on there may be no more than the hour before its first click.
    let mut later_days = points.iter().skip(1);
    assert!((5..=7).contains(&points.len()) && later_days.all(|point| point["clicks"].as_u64() > Some(0)), "{points:?}");
    let founded = whole["workspace"]["createdAt"].as_str().unwrap();
    for link in whole["links"]["nodes"].as_array().unwrap() {
        assert!(link["createdAt"].as_str() < link["lastClickedAt"].as_str() && link["createdAt"].as_str().unwrap()[..10] == founded[..10]);
    }

    let entered = session(&running.api(), "refreshSession", json!({ "refreshToken": token })).await;
    let viewer = entered.data("{ viewer { user { email } } }", json!({})).await;
    assert_eq!(viewer["viewer"]["user"]["email"], "demo@example.com");

    // The past is made once.
    let now = settled(&later).await;
    let before = clicks(&later, json!({ "to": now })).await;
    assert_eq!(running.stop().await, Some(0));
    running.restart();
    running.ready().await;
    let (second, same) = invitation(&running, 2).await;
    assert!(second != token && same == password);
    assert_eq!(running.log().matches("Making").count(), 1);
    let again = session(&running.api(), "signIn", json!({ "email": "demo@example.com", "password": password })).await;
    assert_eq!(clicks(&again, json!({ "to": now })).await, before);
}

/// Some time before the newest click; traffic adds nothing before it any more.
async fn settled(api: &GraphQl) -> Value {
    let clicks = api.data("{ clicks(first: 1) { nodes { occurredAt } } }", json!({})).await;
    let newest: jiff::Timestamp = clicks["clicks"]["nodes"][0]["occurredAt"].as_str().unwrap().parse().unwrap();
    json!((newest - jiff::SignedDuration::from_secs(10)).to_string())
}
