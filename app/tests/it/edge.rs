//! A redirector that was told of NATS and of no database.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{GraphQl, NatsServer, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::{browser, stored, totals, wait_for_database};
use crate::program;

const PATIENCE: Duration = Duration::from_secs(30);
/// How soon every redirector sees a change.
const SOON: Duration = Duration::from_secs(1);

struct Cluster {
    nats: NatsServer,
    postgres: Postgres,
    edge: Program,
    api: Program,
    _worker: Program,
    folder: tempfile::TempDir,
    database: String,
}

impl Cluster {
    /// The edge is there first, before there is any snapshot.
    async fn start() -> (Self, Visitor) {
        let folder = tempfile::tempdir().unwrap();
        let (nats, postgres) = (NatsServer::start(), Postgres::start());
        let database = postgres.url(&postgres.create_database());
        let options = |role: &str| ProgramOptions::serve(&folder.path().join(role)).with("ROLES", role).with("NATS_URL", nats.url());
        let with_database = |role: &str| options(role).with("DATABASE_URL", &database);

        let mut edge = Program::start(program(), options("redirector"));
        edge.ready().await;
        let mut visitor = Visitor::new(&edge);
        assert_eq!(visitor.get("early").await, (503, None));

        let mut migrate = with_database("api");
        migrate.arguments = vec!["migrate".into()];
        assert_eq!(migrate.run(program()).0, Some(0));
        let mut api = Program::start(program(), with_database("api").with("SHORT_DOMAIN", edge.setting("REDIRECT_LISTEN")));
        let mut worker = Program::start(program(), with_database("worker"));
        api.ready().await;
        worker.ready().await;
        wait_until(PATIENCE, "a slug that is no link is known to be none", async || (visitor.get("early").await.0 == 404).then_some(()))
            .await;
        (Self { nats, postgres, edge, api, _worker: worker, folder, database }, visitor)
    }

    /// Runs `linklogger links resync`.
    fn resync(&self) -> String {
        let (code, said, error) = self.try_resync();
        assert_eq!(code, Some(0), "{error}");
        said
    }

    fn try_resync(&self) -> (Option<i32>, String, String) {
        let mut options = ProgramOptions::serve(&self.folder.path().join("resync"))
            .with("ROLES", "api")
            .with("NATS_URL", self.nats.url())
            .with("DATABASE_URL", &self.database);
        options.arguments = vec!["links".into(), "resync".into()];
        options.run(program())
    }
}

/// Clicks with a number each, and remembers which of them were captured.
struct Visitor {
    browser: reqwest::Client,
    redirect: String,
    next: u32,
    redirected: u64,
    captured: Vec<String>,
}

impl Visitor {
    fn new(edge: &Program) -> Self {
        Self { browser: browser(), redirect: edge.setting("REDIRECT_LISTEN").to_owned(), next: 0, redirected: 0, captured: Vec::new() }
    }

    /// Status and target.
    async fn get(&mut self, slug: &str) -> (u16, Option<String>) {
        let number = self.next.to_string();
        self.next += 1;
        let answer = self.browser.get(format!("http://{}/{slug}?n={number}", self.redirect)).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        match answer.status().as_u16() {
            302 => self.redirected += 1,
            503 => assert!(header("retry-after").is_some()),
            _ => {}
        }
        if matches!(answer.status().as_u16(), 302 | 410) {
            self.captured.push(number);
        }
        (answer.status().as_u16(), header("location"))
    }

    async fn sees(&mut self, limit: Duration, slug: &str, target: &str) {
        let seen = async || (self.get(slug).await == (302, Some(target.to_owned()))).then_some(());
        wait_until(limit, &format!("{slug} leads to {target}"), seen).await;
    }

    /// All captured clicks are stored, each once.
    async fn expect_all_stored(&mut self, ada: &GraphQl) {
        self.captured.sort();
        wait_until(PATIENCE, "all captured clicks are stored", async || {
            let mut stored = stored(ada).await;
            stored.sort();
            (stored == self.captured).then_some(())
        })
        .await;
        assert_eq!(totals(ada).await["clicks"], self.redirected);
    }
}

async fn update(ada: &GraphQl, link: &Value, target: &str) {
    let query = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { version } } }";
    ada.data(query, json!({ "i": { "id": link["id"], "targetUrl": target } })).await;
}

async fn delete(ada: &GraphQl, link: &Value) {
    ada.data("mutation($i: DeleteLinkInput!) { deleteLink(input: $i) { deletedId } }", json!({ "i": { "id": link["id"] } })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_whatever_is_away_and_sees_every_change_at_once() {
    let (mut cluster, mut visitor) = Cluster::start().await;
    let ada = cluster.api.api().sign_up("ada").await;
    // A slug that was asked for before there was a link.
    assert_eq!(visitor.get("early").await.0, 404);
    let early = ada.create_link("https://example.com/1", json!({ "slug": "Early" })).await;
    visitor.sees(SOON, "early", "https://example.com/1").await;
    for version in 2..6 {
        let target = format!("https://example.com/{version}");
        update(&ada, &early, &target).await;
        visitor.sees(SOON, "early", &target).await;
    }
    let gone = ada.create_link("https://example.com/gone", json!({ "slug": "gone" })).await;
    visitor.sees(SOON, "gone", "https://example.com/gone").await;
    delete(&ada, &gone).await;
    wait_until(SOON, "the deleted link answers 410", async || (visitor.get("gone").await.0 == 410).then_some(())).await;

    for slug in ["first", "second", "last"] {
        ada.create_link(&format!("https://example.com/{slug}"), json!({ "slug": slug })).await;
    }
    // The last to come is there: the others, never asked for, are too.
    visitor.sees(SOON, "last", "https://example.com/last").await;
    cluster.postgres.kill();
    visitor.sees(SOON, "early", "https://example.com/5").await;
    visitor.sees(SOON, "first", "https://example.com/first").await;
    assert_eq!(visitor.get("gone").await.0, 410);
    assert_eq!(visitor.get("never").await.0, 404);

    cluster.nats.kill();
    for slug in ["early", "first", "last"] {
        assert_eq!(visitor.get(slug).await.0, 302, "{slug}");
    }
    assert_eq!(visitor.get("second").await, (503, None));
    // A new process knows nothing, and says so.
    cluster.edge.restart();
    cluster.edge.ready().await;
    assert_eq!(visitor.get("early").await, (503, None));
    cluster.nats.restart();
    visitor.sees(PATIENCE, "second", "https://example.com/second").await;
    cluster.postgres.restart();
    wait_for_database(&ada).await;
    visitor.expect_all_stored(&ada).await;
    update(&ada, &early, "https://example.com/6").await;
    visitor.sees(SOON, "early", "https://example.com/6").await;
    visitor.expect_all_stored(&ada).await;
    assert_eq!(cluster.edge.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_was_wiped_comes_back() {
    let (mut cluster, mut visitor) = Cluster::start().await;
    let ada = cluster.api.api().sign_up("ada").await;
    for slug in ["a", "b", "c"] {
        ada.create_link(&format!("https://example.com/{slug}"), json!({ "slug": slug })).await;
    }
    visitor.sees(SOON, "a", "https://example.com/a").await;
    visitor.expect_all_stored(&ada).await;
    cluster.api.kill();
    cluster.nats.wipe();
    // What is cached is served; what is not there may exist all the same.
    assert_eq!(visitor.get("a").await.0, 302);
    for slug in ["b", "never"] {
        assert_eq!(visitor.get(slug).await, (503, None));
    }
    assert_eq!(cluster.resync(), "3 links are in the snapshot.\n");
    visitor.sees(PATIENCE, "b", "https://example.com/b").await;
    wait_until(PATIENCE, "no link is none again", async || (visitor.get("never").await.0 == 404).then_some(())).await;
    assert_eq!(cluster.resync(), "3 links are in the snapshot.\n");

    // A running api sees by itself that it is gone.
    cluster.api.restart();
    cluster.api.ready().await;
    visitor.expect_all_stored(&ada).await;
    cluster.nats.wipe();
    visitor.sees(PATIENCE, "c", "https://example.com/c").await;
    visitor.expect_all_stored(&ada).await;

    // Without the key a password does not reach the snapshot, and that is no success.
    ada.create_link("https://example.com/d", json!({ "slug": "d", "password": "opensesame" })).await;
    for _ in 0..2 {
        let (code, _, error) = cluster.try_resync();
        assert!(code == Some(1) && error.contains("4 links") && error.contains(" 1 of them"), "{code:?} {error}");
    }
}
