//! Requests for slugs that are no link, from a domain of one's own to the counts: in one process, and over the broker
//! from an edge without a database.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{DnsServer, GraphQl, NatsServer, Postgres, Program, ProgramOptions, wait_until};

use crate::domains::{HOST, verified, visit};
use crate::journey::{ALL, PATIENCE, wait_for_at_least};
use crate::program;

const SLUGS: &str = "{ missedSlugs { domain slug misses } }";

async fn misses(ada: &GraphQl) -> u64 {
    let filter: Value = serde_json::from_str(ALL).unwrap();
    let query = "query($f: ClickFilter) { clickTotals(filter: $f) { misses } }";
    ada.data(query, json!({ "f": filter })).await["clickTotals"]["misses"].as_u64().unwrap()
}

async fn are_counted(ada: &GraphQl, wanted: u64) {
    wait_until(PATIENCE, "all misses are counted", async || (misses(ada).await == wanted).then_some(())).await;
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut options = ProgramOptions::serve(folder);
    options.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let (code, said, error) = options.run(program());
    (code, said + &error)
}

async fn everything_is_acked(running: &Program) {
    let metrics = format!("http://{}/metrics", running.setting("OPS_LISTEN"));
    let acked = async || {
        let text = reqwest::get(&metrics).await.ok()?.text().await.ok()?;
        text.contains("linklogger_spool_depth_bytes 0\n").then_some(())
    };
    wait_until(PATIENCE, "everything is acked", acked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_on_an_own_domain_are_counted_once_whatever_is_delivered_again() {
    let (folder, mut dns) = (tempfile::tempdir().unwrap(), DnsServer::start());
    let options = ProgramOptions::serve(folder.path()).with("DNS_SERVER", dns.address().to_string());
    let mut running = Program::start(program(), options);
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    verified(&ada, &mut dns).await;
    ada.create_link("https://example.com/own", json!({ "slug": "sale", "domain": HOST })).await;
    let served = async || (visit(&running, HOST, "/sale").await.0 == 302).then_some(());
    wait_until(PATIENCE, "the link is there", served).await;
    wait_for_at_least(&ada, 1).await;
    // Before the link was there it may have been missed.
    everything_is_acked(&running).await;
    let before = misses(&ada).await;
    for path in ["/sael", "/Sael", "/wp-login.php", "/favicon.ico", "/robots.txt"] {
        visit(&running, HOST, path).await;
    }
    // The operator's alone.
    assert_eq!(visit(&running, "localhost", "/sael").await.0, 404);
    are_counted(&ada, before + 3).await;
    let slugs = ada.data(SLUGS, json!({})).await["missedSlugs"].take();
    assert!(slugs.as_array().unwrap().contains(&json!({ "domain": HOST, "slug": "sael", "misses": 2 })), "{slugs}");
    everything_is_acked(&running).await;
    assert_eq!(running.stop().await, Some(0));
    let (code, said) = run(folder.path(), &["spool", "replay", "--from", "all"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(run(folder.path(), &["spool", "verify"]).0, Some(0));
    running.restart();
    running.ready().await;
    everything_is_acked(&running).await;
    assert_eq!(misses(&ada).await, before + 3);
    let (code, said) = run(folder.path(), &["verify-rollups"]);
    assert!(code == Some(0) && said.contains(" of misses compared, 0 differences found."), "{said}");
    assert!(!running.log().contains("sael"), "a slug of a visitor is in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_at_an_edge_without_a_database_come_over_the_broker() {
    let (folder, mut dns) = (tempfile::tempdir().unwrap(), DnsServer::start());
    let (nats, postgres) = (NatsServer::start(), Postgres::shared());
    let database = postgres.url(&postgres.create_database());
    let options = |role: &str| ProgramOptions::serve(&folder.path().join(role)).with("ROLES", role).with("NATS_URL", nats.url());
    let mut migrate = options("api").with("DATABASE_URL", &database);
    migrate.arguments = vec!["migrate".into()];
    assert_eq!(migrate.run(program()).0, Some(0));
    let mut edge = Program::start(program(), options("redirector"));
    let mut worker = Program::start(program(), options("worker").with("DATABASE_URL", &database));
    let with_dns = options("api").with("DATABASE_URL", &database).with("DNS_SERVER", dns.address().to_string());
    let mut api = Program::start(program(), with_dns);
    edge.ready().await;
    worker.ready().await;
    api.ready().await;
    let ada = api.api().sign_up("ada").await;
    verified(&ada, &mut dns).await;
    ada.create_link("https://example.com/own", json!({ "slug": "sale", "domain": HOST })).await;
    wait_until(PATIENCE, "the link is there", async || (visit(&edge, HOST, "/sale").await.0 == 302).then_some(())).await;
    wait_for_at_least(&ada, 1).await;
    everything_is_acked(&edge).await;
    let before = misses(&ada).await;
    // Killed in between, whoever comes next stores what is left.
    for number in 0..15 {
        assert_eq!(visit(&edge, HOST, &format!("/sael{number}")).await.0, 404);
        if number == 7 {
            worker.kill();
        }
    }
    worker.restart();
    are_counted(&ada, before + 15).await;
    everything_is_acked(&edge).await;
    assert_eq!(misses(&ada).await, before + 15);
}
