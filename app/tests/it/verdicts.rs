//! Verdicts that other clicks decide, through deaths; judging again and comparing by command.

use std::time::Duration;

use domain::{Click, ClickId, Device, GeoPlace, Method, Millis, Outcome, Utm, Verdict, VerdictReason, WorkspaceId};
use platform::config::Database;
use platform::{Clock, Rng};
use serde_json::{Value, json};
use store::{Incoming, Store};
use testkit::{GraphQl, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::PATIENCE;
use crate::program;
use crate::visitors::{CHROME, IPHONE, visit};

const CLICKS: &str = "{ clicks(first: 100) { nodes { occurredAt network verdict verdictReason { code } } } }";

/// The clicks from one network, once there are so many and they are `done`.
async fn clicks_from(api: &GraphQl, network: &str, count: usize, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    wait_until(PATIENCE, &format!("{count} clicks from {network} are judged"), async || {
        let nodes = api.data(CLICKS, json!({})).await["clicks"]["nodes"].take();
        let ours: Vec<Value> = nodes.as_array()?.iter().filter(|click| click["network"] == network).cloned().collect();
        (ours.len() == count && done(&ours)).then_some(ours)
    })
    .await
}

fn are(clicks: &[Value], verdict: &str, reason: &str) -> bool {
    clicks.iter().all(|click| click["verdict"] == verdict && click["verdictReason"]["code"] == reason)
}

fn millis(click: &Value) -> i64 {
    click["occurredAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_one_however_it_is_stored_and_whatever_dies() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Program::start(program(), ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1"));
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    for slug in ["a", "b", "c", "d"] {
        ada.create_link("https://example.com/", json!({ "slug": slug })).await;
    }
    let redirect = running.setting("REDIRECT_LISTEN").to_owned();
    // People behind one address have different browsers; nobody opens four links.
    for (slug, agent) in [("a", CHROME), ("b", CHROME), ("c", CHROME), ("d", IPHONE), ("a", CHROME)] {
        visit(&redirect, slug, "198.51.100.9", agent).await;
    }
    let people = clicks_from(&ada, "198.51.100.0/24", 5, |_| true).await;
    assert!(are(&people, "HUMAN", "NO_SIGNAL"), "{people:?}");

    // Three that are stored already, the fourth just before the death. Where the machine was too slow for two seconds,
    // the next visitor is looked at.
    let mut seen = false;
    for number in 1..=20 {
        let (from, network) = (format!("203.0.{number}.7"), format!("203.0.{number}.0/24"));
        for slug in ["a", "b", "c"] {
            visit(&redirect, slug, &from, CHROME).await;
        }
        clicks_from(&ada, &network, 3, |clicks| are(clicks, "HUMAN", "NO_SIGNAL")).await;
        visit(&redirect, "d", &from, CHROME).await;
        running.restart();
        running.ready().await;
        let ada = running.api().sign_in("ada").await;
        let clicks = clicks_from(&ada, &network, 4, |_| true).await;
        let times: Vec<i64> = clicks.iter().map(millis).collect();
        if times.iter().max().unwrap() - times.iter().min().unwrap() <= 2_000 {
            clicks_from(&ada, &network, 4, |clicks| are(clicks, "BOT", "BURST")).await;
            seen = true;
            break;
        }
    }
    assert!(seen, "four clicks were never made within two seconds");
    let (code, said, _) = command(folder.path(), &["verify-rollups"]).run(program());
    assert_eq!(code, Some(0), "{said}");
}

pub(crate) fn command(folder: &std::path::Path, arguments: &[&str]) -> ProgramOptions {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    ProgramOptions { arguments, ..ProgramOptions::default() }.with("DATA_DIR", folder.display().to_string())
}

pub(crate) fn old_click(link: &str, agent: &str, at: Millis) -> Click {
    Click {
        id: ClickId::new(at, Rng::System.entropy()),
        seq: 0,
        link: link.parse().unwrap(),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "http://x/a".into(),
        target: "https://example.com/".into(),
        verdict: Verdict::Human,
        verdict_reason: VerdictReason::NoSignal,
        place: GeoPlace::default(),
        browser: None,
        browser_version: None,
        os: None,
        os_version: None,
        device: Device::Desktop,
        language: None,
        user_agent: Some(agent.into()),
        referrer: None,
        referrer_host: None,
        utm: Utm::default(),
        parameters: vec![],
        network: None,
        redirect_micros: 1,
        rule: None,
        channel: None,
        rules_version: 1,
        geo_version: None,
        system: None,
        system_version: None,
        visitor: None,
        ip: None,
        signals: domain::SignalSet::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_are_judged_again_and_cells_compared_by_command_and_by_mutation() {
    let server = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("postgres");
    let mut running = Program::start(program(), ProgramOptions::serve(folder.path()).with("DATABASE_URL", url.clone()));
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await["id"].as_str().unwrap().to_owned();
    let workspace: WorkspaceId = ada.data("{ workspace { id } }", json!({})).await["workspace"]["id"].as_str().unwrap().parse().unwrap();
    let now = Clock::System.now();
    let at = |minutes: i64| now.plus(-minutes * 60_000);
    let store = Store::connect(&Database::Postgres(url.clone())).await.unwrap();
    let clicks = [old_click(&link, CHROME, at(60)), old_click(&link, "curl/8.5.0", at(50)), old_click(&link, "Wget/1.21", at(40))];
    let incoming = |click: &Click| Incoming { workspace, click: click.clone(), day: None, record: [].into(), frame: "f".into() };
    store.ingest(&clicks.iter().map(incoming).collect::<Vec<_>>(), now).await.unwrap();
    let totals = async || {
        let query = "{ clickTotals { human bots } }";
        ada.data(query, json!({})).await["clickTotals"].take()
    };
    assert_eq!(totals().await, json!({ "human": 3, "bots": 0 }));
    let run = |arguments: &[&str]| command(folder.path(), arguments).with("DATABASE_URL", url.clone()).run(program());
    let (code, said, error) =
        run(&["reclassify", "--workspace", &workspace.to_string(), "--from", &at(55).to_string(), "--to", &at(45).to_string()]);
    assert_eq!((code, said.as_str()), (Some(0), &*format!("{workspace}  1 click looked at, 1 read or judged otherwise now.\n")), "{error}");
    assert_eq!(totals().await, json!({ "human": 2, "bots": 1 }));
    let (code, _, error) = run(&["reclassify", "--from", "2100-01-01T00:00:00Z"]);
    assert!(code == Some(1) && error.contains("--from"), "{error}");

    let mutation = "mutation($i: ReclassifyInput!) { reclassify(input: $i) { job { id } } }";
    let input = json!({ "i": { "from": at(90).to_string() } });
    let job = ada.data(mutation, input).await["reclassify"]["job"]["id"].take();
    let done = wait_until(Duration::from_secs(30), "the job is done", async || {
        let job = ada.data("query($id: ID!) { job(id: $id) { status progress looked changed } }", json!({ "id": job })).await["job"].take();
        (job["status"] == "DONE").then_some(job)
    });
    assert_eq!(done.await, json!({ "status": "DONE", "progress": 1.0, "looked": 3, "changed": 2 }));
    assert_eq!(totals().await, json!({ "human": 1, "bots": 2 }));
    let read = ada.data("{ clicks(first: 9) { nodes { browser channel } } }", json!({})).await["clicks"]["nodes"].take();
    assert_eq!(read[2], json!({ "browser": "Chrome", "channel": "DIRECT" }), "{read}");

    let (code, said, _) = run(&["verify-rollups"]);
    assert!(code == Some(0) && said.ends_with(" cells compared, 0 differences found.\n") && !said.starts_with('0'), "{said}");
    // One click, in the quarter-hour, hour and day of its link and of the workspace: 2 + 6 + 7 numbers of the one, 2 + 7 + 8
    // of the other, where links are counted too, each of two verdicts.
    server.sql("postgres", "UPDATE clicks SET verdict = 1 WHERE verdict = 0");
    let (code, said, _) = run(&["verify-rollups"]);
    assert!(
        code == Some(1)
            && said.ends_with(" compared, 64 differences found.\n")
            && said.contains(&link)
            && said.contains(&workspace.to_string()),
        "{said}"
    );
    store.close().await;
}
