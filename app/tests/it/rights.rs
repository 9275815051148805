//! What persons and workspaces may ask for, as the built program carries it out: against frames that come
//! again, and before redirectors that have no database.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{GraphQl, NatsServer, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::{PATIENCE, browser};
use crate::program;
use crate::visitors::{BERLIN, CHROME, IPHONE, PARIS, visit};

/// How soon every redirector sees a change.
const SOON: Duration = Duration::from_secs(1);
const COUNTS: &str = "{ clickTotals { clicks human bots dailyUniques withoutVisitor } clicks { totalCount } \
    from_clicks: clickTotals(filter: { countries: [null] }) { clicks } }";

/// Asked once so many are stored: each field is answered from a moment of its own.
async fn counts(api: &GraphQl, clicks: u64) -> Value {
    wait_until(PATIENCE, &format!("{clicks} clicks are stored"), async || {
        let counts = api.data(COUNTS, json!({})).await;
        (counts["clicks"]["totalCount"] == clicks).then_some(())
    })
    .await;
    api.data(COUNTS, json!({})).await
}

async fn metric(program: &Program, name: &str) -> u64 {
    let text = reqwest::get(format!("http://{}/metrics", program.setting("OPS_LISTEN"))).await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("linklogger_{name}_total ")));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

fn replay(folder: &Path) {
    let mut options = ProgramOptions::serve(folder);
    options.arguments = ["spool", "replay", "--from", "all"].map(str::to_owned).to_vec();
    assert_eq!(options.run(program()).0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_visitor_does_not_come_back_with_the_frames() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Program::start(program(), ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1"));
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    for slug in ["a", "b"] {
        ada.create_link("https://example.com/", json!({ "slug": slug })).await;
    }
    let redirect = running.setting("REDIRECT_LISTEN").to_owned();
    for (path, from, agent) in
        [("a", BERLIN, CHROME), ("b", BERLIN, CHROME), ("a", BERLIN, IPHONE), ("a", PARIS, CHROME), ("a", BERLIN, CHROME)]
    {
        visit(&redirect, path, from, agent).await;
    }
    let before = counts(&ada, 5).await;
    assert_eq!((&before["clickTotals"]["dailyUniques"], &before["from_clicks"]["clicks"]), (&json!(3), &json!(5)));
    let erase = "mutation($i: EraseVisitorInput!) { eraseVisitor(input: $i) { erasedClicks complete } }";
    let input = json!({ "i": { "ip": BERLIN, "userAgent": CHROME } });
    assert_eq!(ada.data(erase, input.clone()).await["eraseVisitor"], json!({ "erasedClicks": 3, "complete": true }));
    let after = counts(&ada, 2).await;
    // Cells and clicks say the same.
    assert_eq!(after["clickTotals"], json!({ "clicks": 2, "human": 2, "bots": 0, "dailyUniques": 2, "withoutVisitor": 0 }));
    assert_eq!(after["from_clicks"]["clicks"], 2);

    // All frames come again; only the three are known as erased.
    running.stop().await;
    replay(folder.path());
    running.restart();
    running.ready().await;
    wait_until(PATIENCE, "all frames have come again", async || {
        let seen = (metric(&running, "worker_duplicates").await, metric(&running, "worker_erased").await);
        (seen == (2, 3)).then_some(())
    })
    .await;
    assert_eq!(counts(&ada, 2).await, after);
    // Who was erased may come back, and counts from then on.
    visit(running.setting("REDIRECT_LISTEN"), "a", BERLIN, CHROME).await;
    assert_eq!(counts(&ada, 3).await["clickTotals"]["dailyUniques"], 3);
    let log = running.log();
    assert!(!log.contains(BERLIN) && !log.contains(CHROME), "{log}");
    assert_eq!(running.stop().await, Some(0));
}

async fn answers(redirector: &Program, slug: &str) -> u16 {
    browser().get(format!("http://{}/{slug}", redirector.setting("REDIRECT_LISTEN"))).send().await.unwrap().status().as_u16()
}

async fn sees(redirector: &Program, limit: Duration, slug: &str, status: u16) {
    wait_until(limit, &format!("{slug} answers {status}"), async || (answers(redirector, slug).await == status).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_leaves_every_redirector_and_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let (nats, postgres) = (NatsServer::start(), Postgres::start());
    let name = postgres.create_database();
    let database = postgres.url(&name);
    let options = |role: &str| ProgramOptions::serve(&folder.path().join(role)).with("ROLES", role).with("NATS_URL", nats.url());
    let mut migrate = options("api").with("DATABASE_URL", &database);
    migrate.arguments = vec!["migrate".into()];
    assert_eq!(migrate.run(program()).0, Some(0));
    let mut edge = Program::start(program(), options("redirector"));
    let mut api = Program::start(program(), options("api").with("DATABASE_URL", &database));
    let mut worker = Program::start(program(), options("worker").with("DATABASE_URL", &database));
    for program in [&mut edge, &mut api, &mut worker] {
        program.ready().await;
    }
    let (ada, eve) = (api.api().sign_up("ada").await, api.api().sign_up("eve").await);
    for (who, slug) in [(&ada, "a"), (&eve, "b")] {
        who.create_link("https://example.com/", json!({ "slug": slug })).await;
        sees(&edge, PATIENCE, slug, 302).await;
    }
    let slug = ada.data("{ workspace { slug } }", json!({})).await["workspace"]["slug"].take();
    let delete = "mutation($i: DeleteWorkspaceInput!) { deleteWorkspace(input: $i) { deletionAt } }";
    for _ in 0..2 {
        ada.data(delete, json!({ "i": { "confirm": slug } })).await;
        sees(&edge, SOON, "a", 410).await;
        assert_eq!((answers(&edge, "a+").await, answers(&edge, "b").await), (410, 302));
        ada.data("mutation { restoreWorkspace { workspace { id } } }", json!({})).await;
        sees(&edge, SOON, "a", 302).await;
    }
    // A week later, by the hand of whoever tests; the worker dies as it begins.
    ada.data(delete, json!({ "i": { "confirm": slug } })).await;
    worker.kill();
    for _ in 0..40 {
        answers(&edge, "a").await;
    }
    postgres.sql(&name, "UPDATE workspaces SET deletion_at = 1 WHERE deletion_at IS NOT NULL");
    worker.restart();
    wait_until(PATIENCE, "the removal has begun", async || {
        let heads = postgres.sql(&name, "SELECT count(*) FROM workspace_heads WHERE guarded_until < 9223372036854775807");
        (heads.trim() == "1").then_some(())
    })
    .await;
    worker.kill();
    worker.restart();
    wait_until(PATIENCE, "nothing is left", async || {
        let left = postgres.sql(&name, "SELECT (SELECT count(*) FROM workspaces) || '/' || (SELECT count(*) FROM users)");
        (left.trim() == "1/1").then_some(())
    })
    .await;
    sees(&edge, PATIENCE, "a", 404).await;
    assert_eq!(answers(&edge, "b").await, 302);
    let sign_in = "mutation { signIn(input: { email: \"ada@example.com\", password: \"correct horse battery\" }) { accessToken } }";
    assert_eq!(api.api().error(sign_in, json!({})).await["extensions"]["code"], "UNAUTHENTICATED");
    wait_until(PATIENCE, "eve's clicks are there", async || {
        let clicks = eve.data("{ clicks { totalCount } }", json!({})).await["clicks"]["totalCount"].as_u64()?;
        (clicks >= 2).then_some(())
    })
    .await;
}
