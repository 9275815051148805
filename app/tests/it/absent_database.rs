//! Processes that are started while PostgreSQL is down.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{NatsServer, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::{PATIENCE, browser, click_all, expect_exactly, wait_for_clicks};
use crate::program;

/// A database that has the schema, or not, on a server that is down.
fn down(migrated: bool) -> (tempfile::TempDir, Postgres, String) {
    let (folder, mut postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    let database = postgres.url(&postgres.create_database());
    if migrated {
        let mut migrate = ProgramOptions::serve(&folder.path().join("migrate")).with("DATABASE_URL", &database);
        migrate.arguments = vec!["migrate".into()];
        assert_eq!(migrate.run(program()).0, Some(0));
    }
    postgres.kill();
    (folder, postgres, database)
}

async fn get(redirector: &Program, path: &str) -> (u16, bool) {
    let answer = browser().get(format!("http://{}/{path}", redirector.setting("REDIRECT_LISTEN"))).send().await.unwrap();
    (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
}

/// What `/readyz` says once it answers, which must be that it is not ready for want of the database.
async fn waits(program: &Program) -> Value {
    let (alive, ready) = ["livez", "readyz"].map(|path| format!("http://{}/{path}", program.setting("OPS_LISTEN"))).into();
    wait_until(PATIENCE, "the program is alive", async || reqwest::get(&alive).await.ok().filter(|answer| answer.status() == 200)).await;
    let answer = reqwest::get(&ready).await.unwrap();
    assert_eq!(answer.status(), 503);
    let report: Value = answer.json().await.unwrap();
    assert_eq!(report["parts"]["database"]["status"], "down", "{report:#}");
    assert!(report["parts"]["database"]["detail"].as_str().unwrap().contains("PostgreSQL cannot be reached"), "{report:#}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_waits_for_it_and_goes_on_by_itself() {
    let (folder, mut postgres, database) = down(true);
    let nats = NatsServer::start();
    let start = |role: &str| {
        let options = ProgramOptions::serve(&folder.path().join(role)).with("ROLES", role).with("NATS_URL", nats.url());
        Program::start(program(), options.with("DATABASE_URL", &database).with("SHORT_DOMAIN", "localhost"))
    };
    let (mut redirector, mut api, mut worker) = (start("redirector"), start("api"), start("worker"));
    for program in [&redirector, &api, &worker] {
        waits(program).await;
    }
    assert_eq!(get(&redirector, "a").await, (503, true));
    assert_eq!(waits(&api).await["parts"]["api"]["status"], "down");
    postgres.restart();
    for program in [&mut redirector, &mut api, &mut worker] {
        assert_eq!(program.ready().await["parts"]["database"]["status"], "ready");
    }
    let ada = api.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    wait_until(Duration::from_secs(2), "the link leads on", async || (get(&redirector, "a").await.0 == 302).then_some(())).await;
    wait_for_clicks(&ada, 1).await;
    // Away again, with the link cached or not.
    postgres.kill();
    redirector.restart();
    waits(&redirector).await;
    assert_eq!(get(&redirector, "a").await, (503, true));
    postgres.restart();
    wait_until(PATIENCE, "the link leads on again", async || (get(&redirector, "a").await.0 == 302).then_some(())).await;
    redirector.ready().await;
    // Once it is up it stays up without.
    postgres.kill();
    wait_until(PATIENCE, "the redirector says what is away", async || {
        (redirector.readyz().await["parts"]["database"]["status"] == "degraded").then_some(())
    })
    .await;
    assert_eq!((redirector.ready().await["status"].as_str(), get(&redirector, "a").await.0), (Some("degraded"), 302));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_waits_for_it_and_migrates() {
    let (folder, mut postgres, database) = down(false);
    let mut running = Program::start(program(), ProgramOptions::serve(folder.path()).with("DATABASE_URL", &database));
    let report = waits(&running).await;
    assert_eq!((&report["parts"]["api"]["status"], &report["parts"]["worker"]["status"]), (&json!("down"), &json!("down")));
    // Another slug than the link's, since an answer like this one is remembered for a second.
    assert_eq!(get(&running, "early").await, (503, true));
    postgres.restart();
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    click_all(running.setting("REDIRECT_LISTEN"), "a", 0..20).await;
    expect_exactly(&ada, 20).await;
    assert_eq!(running.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waiting_cannot_mend_ends_it_and_a_stop_ends_the_waiting() {
    let (folder, mut postgres, database) = down(false);
    let nats = NatsServer::start();
    let start = |name: &str| {
        let options = ProgramOptions::serve(&folder.path().join(name)).with("ROLES", "redirector").with("NATS_URL", nats.url());
        Program::start(program(), options.with("DATABASE_URL", &database))
    };
    let mut stopped = start("stopped");
    waits(&stopped).await;
    assert_eq!(stopped.stop().await, Some(0));
    let mut ends = start("ends");
    waits(&ends).await;
    postgres.restart();
    assert_eq!(ends.ended().await, Some(1));
    assert!(ends.log().contains("linklogger: The database's schema is older than this program. Run `linklogger migrate` once"));
}
