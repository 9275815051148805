//! Three processes over NATS and PostgreSQL, and what happens when one of them dies.

use std::collections::BTreeSet;

use serde_json::json;
use testkit::{GraphQl, NatsServer, Postgres, Program, ProgramOptions};

use crate::journey::{click_all, main_job, numbers, stored, wait_for_clicks};
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
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start();
        let postgres = Postgres::shared();
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

    async fn expect_exactly(&self, api: &GraphQl, count: u32) {
        wait_for_clicks(api, count.into()).await;
        let stored = stored(api).await;
        assert_eq!(stored.len(), count as usize);
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), numbers(0..count));
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
async fn a_killed_worker_loses_and_doubles_nothing() {
    let mut cluster = Cluster::start().await;
    let ada = cluster.with_link().await;
    for round in 0..3 {
        click_all(cluster.redirect(), "a", round * 300..(round + 1) * 300).await;
        cluster.worker.restart();
    }
    cluster.expect_exactly(&ada, 900).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_and_doubles_nothing() {
    let mut cluster = Cluster::start().await;
    let ada = cluster.with_link().await;
    // The redirector goes on while the broker is away, and says so.
    click_all(cluster.redirect(), "a", 0..300).await;
    cluster.nats.kill();
    click_all(cluster.redirect(), "a", 300..600).await;
    let report = testkit::wait_until(std::time::Duration::from_secs(10), "the redirector says that it is degraded", async || {
        let report = cluster.redirector.readyz().await;
        (report["status"] == "degraded").then_some(report)
    })
    .await;
    assert!(report["parts"]["broker"]["detail"].as_str().unwrap().contains("wait in the spool"), "{report:#}");
    cluster.nats.restart();
    click_all(cluster.redirect(), "a", 600..900).await;
    cluster.expect_exactly(&ada, 900).await;
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
    cluster.expect_exactly(&ada, 50).await;
}
