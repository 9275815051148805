//! The purge in the built program: killed in the middle it is gone on with, and clicks come in meanwhile.

use std::path::Path;
use std::sync::Arc;

use domain::{Address, CapturedClick, ClickFilter, ClickId, LinkId, Method, Outcome, Privacy, Signals, WorkspaceId};
use enrich::Enricher;
use platform::config::Database;
use platform::{Clock, Rng};
use serde_json::{Value, json};
use store::{Access, Incoming, Store};
use testkit::{GraphQl, Program, ProgramOptions, wait_until};

use crate::journey::PATIENCE;
use crate::program;
use crate::visitors::{BERLIN, CHROME, visit};

const DAY: i64 = 86_400_000;
/// So many that a kill meets the purge half way.
const OLD: usize = 20_000;

const DECIDE: &str = "mutation($p: PrivacyInput!) { updateWorkspace(input: { privacy: $p }) { workspace { id } } }";

async fn text(api: &GraphQl, query: &str, path: [&str; 2]) -> String {
    api.data(query, json!({})).await[path[0]][path[1]].as_str().unwrap().to_owned()
}

/// Clicks of three days ago.
async fn store_old_clicks(store: &Store, workspace: WorkspaceId, link: LinkId) {
    let (now, rng, enricher) = (Clock::System.now(), Rng::System, Enricher::new(Arc::default()));
    let captured = || CapturedClick {
        id: ClickId::new(now.plus(-3 * DAY), rng.entropy()),
        workspace,
        link,
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "http://x/a".into(),
        target: "https://y/".into(),
        address: Address::Unknown,
        user_agent: None,
        referrer: None,
        accept_language: None,
        redirect_micros: 1,
        rule: None,
        above_rate: false,
        signals: Signals::default(),
        judged: None,
    };
    for _ in 0..OLD / 1_000 {
        let incoming = |_| {
            let click = enricher.enrich(&captured(), &Privacy::default());
            Incoming { workspace, click, day: None, record: [].into(), frame: "frame".into() }
        };
        store.ingest(&(0..1_000).map(incoming).collect::<Vec<_>>(), now).await.unwrap();
    }
}

async fn a_purge_that_is_killed_is_gone_on_with(folder: &Path, database: Database) {
    let url = match &database {
        Database::Sqlite(path) => format!("sqlite://{}", path.display()),
        Database::Postgres(url) => url.clone(),
    };
    let options = ProgramOptions::serve(folder).with("TRUSTED_PROXIES", "127.0.0.1").with("DATABASE_URL", &url);
    let mut program = Program::start(program(), options);
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    let link: LinkId = ada.create_link("https://example.com/", json!({ "slug": "a" })).await["id"].as_str().unwrap().parse().unwrap();
    let workspace: WorkspaceId = text(&ada, "{ workspace { id } }", ["workspace", "id"]).await.parse().unwrap();
    let redirect = program.setting("REDIRECT_LISTEN").to_owned();
    ada.data(DECIDE, json!({ "p": { "level": "FULL" } })).await;
    visit(&redirect, "a", BERLIN, CHROME).await;
    let query = "{ clicks(first: 1) { nodes { ip network } } }";
    let first = wait_until(PATIENCE, "the click is stored", async || ada.data(query, json!({})).await["clicks"]["nodes"].get(0).cloned());
    assert_eq!(first.await["ip"], BERLIN);

    program.kill();
    let store = Store::connect(&database).await.unwrap();
    store_old_clicks(&store, workspace, link).await;
    let rows = async || {
        let scope = store.workspace(workspace, Access::Read).await.unwrap();
        usize::try_from(scope.count_clicks(&ClickFilter::default()).await.unwrap()).unwrap()
    };
    assert_eq!(rows().await, OLD + 1);
    program.restart();
    program.ready().await;
    let ada = program.api().sign_in("ada").await;
    // Nothing is too old yet, and no address either once they are not wanted any more.
    ada.data(DECIDE, json!({ "p": { "level": "TRUNCATED", "retention": { "clicksDays": 1 } } })).await;
    program.restart();
    wait_until(PATIENCE, "some clicks are deleted", async || (rows().await <= OLD).then_some(())).await;
    program.kill();
    let left = rows().await;
    assert!(left > 1, "the purge was over before it could be killed");
    program.restart();
    program.ready().await;
    let mut visits = 1;
    wait_until(PATIENCE, "all old clicks are deleted", async || {
        // So many of one visitor would be suspected.
        visit(&redirect, "a", BERLIN, &CHROME.replace("126.0.0.0", &format!("126.0.0.{visits}"))).await;
        visits += 1;
        (rows().await < OLD / 2).then_some(())
    })
    .await;
    let ada = program.api().sign_in("ada").await;
    let query = "{ clickTotals { clicks bots } clicks(first: 100) { totalCount nodes { ip network } } \
                 auditLog { nodes { actorKind action details } } workspace { clicksKeptFrom } }";
    wait_until(PATIENCE, "the purge is proven, and the clicks that came are stored", async || {
        let answer = ada.data(query, json!({})).await;
        (of_system(&answer).len() == 2 && answer["clicks"]["totalCount"] == visits).then_some(())
    })
    .await;
    // Each field is read by itself: the clicks of that answer may be older than its proof.
    let answer = ada.data(query, json!({})).await;
    assert!(answer["clicks"]["nodes"].as_array().unwrap().iter().all(|click| click["ip"].is_null() && click["network"].is_string()));
    // Counts stay: the old ones have no user agent, so they are a bot's.
    assert_eq!(answer["clickTotals"], json!({ "clicks": visits, "bots": OLD }));
    assert!(answer["workspace"]["clicksKeptFrom"].is_string());
    let mut told = of_system(&answer);
    told.sort_unstable();
    assert_eq!(told, [("addresses.removed".to_owned(), 1), ("clicks.purged".to_owned(), OLD as u64)]);
    store.close().await;
}

/// What the program says that it did itself, with how many.
fn of_system(answer: &Value) -> Vec<(String, u64)> {
    let entries = answer["auditLog"]["nodes"].as_array().unwrap().iter().filter(|entry| entry["actorKind"] == "SYSTEM");
    let number = |details: &Value| details["clicks"].as_u64().or_else(|| details["addresses"].as_u64()).unwrap();
    entries.map(|entry| (entry["action"].as_str().unwrap().to_owned(), number(&entry["details"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_that_is_killed_is_gone_on_with_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    a_purge_that_is_killed_is_gone_on_with(folder.path(), Database::Sqlite(folder.path().join("linklogger.db"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_that_is_killed_is_gone_on_with_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let url = testkit::Postgres::shared().copy_of("empty", async |_| ()).await;
    a_purge_that_is_killed_is_gone_on_with(folder.path(), Database::Postgres(url)).await;
}
