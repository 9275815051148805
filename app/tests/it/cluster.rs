//! Three processes over NATS and PostgreSQL, and what happens when one of them dies.

use std::time::Instant;

use serde_json::json;
use testkit::{GraphQl, NatsServer, Postgres, Program, ProgramOptions};

use crate::journey::{MANY, click_all, expect_exactly, main_job, wait_for_at_least, wait_for_database, watch};
use crate::program;

struct Cluster {
    nats: NatsServer,
    api: Program,
    redirector: Program,
    worker: Program,
    _folder: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
        Self::start_on(Postgres::shared()).await
    }

    async fn start_on(postgres: &Postgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start();
        let database = postgres.url(&postgres.create_database());
        let options = |role: &str| {
            ProgramOptions::serve(&folder.path().join(role))
                .with("ROLES", role)
                .with("NATS_URL", nats.url())
                .with("DATABASE_URL", &database)
        };
        // Split roles never migrate.
        let (code, _, error) = options("api").run(program());
        assert_eq!(code, Some(1));
        assert!(error.contains("Run `linklogger migrate` once"), "{error}");
        let mut migrate = options("api");
        migrate.arguments = vec!["migrate".into()];
        assert_eq!(migrate.run(program()).0, Some(0));

        let redirector = Program::start(program(), options("redirector"));
        let short_domain = redirector.setting("REDIRECT_LISTEN").to_owned();
        let api = Program::start(program(), options("api").with("SHORT_DOMAIN", short_domain));
        let worker = Program::start(program(), options("worker"));
        let mut cluster = Self { nats, api, redirector, worker, _folder: folder };
        for program in [&mut cluster.api, &mut cluster.redirector, &mut cluster.worker] {
            program.ready().await;
        }
        cluster
    }

    fn redirect(&self) -> &str {
        self.redirector.setting("REDIRECT_LISTEN")
    }

    async fn with_link(&self) -> GraphQl {
        let ada = self.api.api().sign_up("ada").await;
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
        ada
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_do_the_main_job() {
    let mut cluster = Cluster::start().await;
    main_job(&cluster.api.api(), cluster.redirect()).await;
    for program in [&mut cluster.redirector, &mut cluster.worker, &mut cluster.api] {
        assert_eq!(program.stop().await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_clicks_arrive_once() {
    let cluster = Cluster::start().await;
    let ada = cluster.with_link().await;
    let live = watch(&ada).await;
    click_all(cluster.redirect(), "a", 0..MANY).await;
    expect_exactly(&ada, MANY).await;
    live.expect_exactly(MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_loses_and_doubles_nothing() {
    let mut cluster = Cluster::start().await;
    let ada = cluster.with_link().await;
    let live = watch(&ada).await;
    let redirect = cluster.redirect().to_owned();
    let clicking = tokio::spawn(async move { click_all(&redirect, "a", 0..MANY).await });
    for stored in [1_000, 4_000, 7_000] {
        wait_for_at_least(&ada, stored).await;
        cluster.worker.restart();
    }
    clicking.await.unwrap();
    expect_exactly(&ada, MANY).await;
    live.expect_exactly(MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_and_doubles_nothing() {
    let mut cluster = Cluster::start().await;
    let ada = cluster.with_link().await;
    let live = watch(&ada).await;
    let redirect = cluster.redirect().to_owned();
    let clicking = tokio::spawn(async move { click_all(&redirect, "a", 0..MANY).await });
    wait_for_at_least(&ada, 2_000).await;
    let killed = Instant::now();
    cluster.nats.kill();
    // The redirector goes on while the broker is away, and says so.
    let report = testkit::wait_until(std::time::Duration::from_secs(10), "the redirector says that it is degraded", async || {
        let report = cluster.redirector.readyz().await;
        (report["status"] == "degraded").then_some(report)
    })
    .await;
    assert!(report["parts"]["broker"]["detail"].as_str().unwrap().contains("wait in the spool"), "{report:#}");
    clicking.await.unwrap();
    cluster.nats.restart();
    expect_exactly(&ada, MANY).await;
    live.expect_exactly(MANY).await;
    // It is told of in sentences of the program's own, and not for each frame and lane.
    let most = 1 + killed.elapsed().as_secs() / 10;
    for program in [&cluster.redirector, &cluster.worker, &cluster.api] {
        let log = program.log();
        let told = |texts: &[&str]| log.lines().filter(|line| texts.iter().any(|text| line.contains(text))).count() as u64;
        assert!(told(&["the connection to NATS is lost"]) > 0 && told(&["connected to NATS"]) > 1, "{log}");
        assert_eq!(told(&["event: "]), 0, "{log}");
        for repeated in [&["cannot be acked"][..], &["cannot be read from the broker", "the consumer is made again"]] {
            assert!(told(repeated) <= most, "{repeated:?}: {log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_loses_and_doubles_nothing() {
    let mut postgres = Postgres::start();
    let cluster = Cluster::start_on(&postgres).await;
    let ada = cluster.with_link().await;
    let live = watch(&ada).await;
    let redirect = cluster.redirect().to_owned();
    let clicking = tokio::spawn(async move { click_all(&redirect, "a", 0..MANY).await });
    wait_for_at_least(&ada, 1_000).await;
    postgres.kill();
    // Its processes that serve connections outlive it for a moment.
    testkit::wait_until(std::time::Duration::from_secs(10), "the API says that its database is away", async || {
        let answer = ada.send("{ clickTotals { clicks } }", json!({})).await;
        (answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE").then_some(())
    })
    .await;
    clicking.await.unwrap();
    postgres.restart();
    wait_for_database(&ada).await;
    expect_exactly(&ada, MANY).await;
    live.expect_exactly(MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirector_without_a_broker_starts_and_serves() {
    let mut cluster = Cluster::start().await;
    let ada = cluster.with_link().await;
    cluster.nats.kill();
    cluster.redirector.restart();
    cluster.redirector.ready().await;
    click_all(cluster.redirect(), "a", 0..50).await;
    // Killed with its clicks in the spool, it ships them after all.
    cluster.redirector.restart();
    cluster.nats.restart();
    expect_exactly(&ada, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_broker_is_sent_everything_again_and_nothing_counts_twice() {
    let mut cluster = Cluster::start().await;
    let ada = cluster.with_link().await;
    click_all(cluster.redirect(), "a", 0..500).await;
    expect_exactly(&ada, 500).await;
    // What the worker has not read yet would be gone with the broker.
    cluster.worker.kill();
    click_all(cluster.redirect(), "a", 500..1_000).await;
    testkit::wait_until(std::time::Duration::from_secs(10), "the broker has acked all clicks", async || {
        let url = format!("http://{}/metrics", cluster.redirector.setting("OPS_LISTEN"));
        let text = reqwest::get(url).await.ok()?.text().await.ok()?;
        text.contains("linklogger_shipper_shipped_total 1000").then_some(())
    })
    .await;
    cluster.nats.wipe();
    cluster.worker.restart();
    expect_exactly(&ada, 1_000).await;
}
