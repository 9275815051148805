//! What the faults befall, how they begin and end, and what was so meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{GraphQl, NatsServer, Postgres, Program, ProgramOptions, wait_until};

use super::PATIENCE;
use super::disk::Disk;
use super::faults::Fault::{
    self, FillBroker, FillSpool, HaltBroker, HaltRedirector, HaltWorker, KillApi, KillBroker, KillDatabase, KillRedirector, KillWorker,
    WipeBroker,
};
use crate::journey::{ALL, browser, wait_for_database};
use crate::load::Request;
use crate::program;

pub struct Cluster {
    nats: NatsServer,
    postgres: Postgres,
    database: String,
    api: Program,
    worker: Program,
    redirector: Program,
    /// Another one with few clicks, on which nothing falls but what falls on the broker.
    quiet: Program,
    disk: Disk,
    filler: Option<tokio::task::JoinHandle<()>>,
    database_is_away: bool,
    /// When the spool's disk was full, and what had found no room before.
    pub full: Vec<(Instant, Instant)>,
    past_before: u64,
    /// When no redirector could answer.
    away: Vec<(Instant, Instant)>,
    /// When a redirector had started that could not ask for the link.
    cold: Vec<(Instant, Option<Instant>)>,
    pub ada: GraphQl,
    marker: Value,
    _folder: tempfile::TempDir,
}

impl Cluster {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (nats, postgres) = (NatsServer::start(), Postgres::start());
        let name = postgres.create_database();
        let database = postgres.url(&name);
        let options = |role: &str| {
            ProgramOptions::serve(&folder.path().join(role))
                .with("ROLES", role)
                .with("NATS_URL", nats.url())
                .with("DATABASE_URL", &database)
                .with("STREAM_QUOTA", "1MiB")
                .with("SPOOL_QUOTA", "80MiB")
        };
        let mut migrate = options("api");
        migrate.arguments = vec!["migrate".into()];
        assert_eq!(migrate.run(program()).0, Some(0));
        let disk = Disk::mount(&folder.path().join("redirector"));
        let mut redirector = Program::start(program(), options("redirector"));
        let mut api = Program::start(program(), options("api").with("SHORT_DOMAIN", redirector.setting("REDIRECT_LISTEN")));
        let mut worker = Program::start(program(), options("worker"));
        let mut quiet =
            Program::start(program(), options("redirector").with("DATA_DIR", folder.path().join("quiet").display().to_string()));
        for program in [&mut redirector, &mut quiet, &mut api, &mut worker] {
            program.ready().await;
        }
        let ada = api.api().sign_up("ada").await;
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
        let marker = ada.create_link("https://example.com/", json!({ "slug": "marker" })).await["id"].take();
        let (full, away, cold, past_before) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let (filler, database_is_away) = (None, false);
        let cluster = Self {
            nats,
            postgres,
            database: name,
            api,
            worker,
            redirector,
            quiet,
            disk,
            filler,
            database_is_away,
            full,
            past_before,
            away,
            cold,
            ada,
            marker,
            _folder: folder,
        };
        cluster.warm().await;
        cluster
    }

    /// Has the redirectors know the link, which only then is a cached one.
    async fn warm(&self) {
        for url in [self.url("a"), self.quiet_url("a")] {
            wait_until(PATIENCE, "the link is known", async || self.click_as_marker(&url).await.then_some(())).await;
        }
    }

    pub fn url(&self, slug: &str) -> String {
        format!("http://{}/{slug}", self.redirector.setting("REDIRECT_LISTEN"))
    }

    pub fn quiet_url(&self, slug: &str) -> String {
        format!("http://{}/{slug}", self.quiet.setting("REDIRECT_LISTEN"))
    }

    pub async fn begin(&mut self, fault: Fault) {
        match fault {
            KillRedirector => {
                self.away.push((Instant::now(), Instant::now()));
                self.redirector.kill();
            }
            KillWorker => self.worker.kill(),
            KillApi => self.api.kill(),
            KillBroker => self.nats.kill(),
            KillDatabase => {
                self.postgres.kill();
                self.database_is_away = true;
            }
            HaltRedirector => self.redirector.halt(),
            HaltWorker | FillBroker => self.worker.halt(),
            HaltBroker => self.nats.halt(),
            FillSpool => {
                self.past_before = self.past_the_spool().await.unwrap_or_default();
                self.full.push((Instant::now(), Instant::now()));
                self.filler = Some(self.disk.fill());
            }
            WipeBroker => self.nats.wipe(),
        }
    }

    /// Whether it is felt already.
    pub async fn felt(&self, fault: Fault) {
        match fault {
            FillBroker => {
                wait_until(PATIENCE, "the stream takes no more", async || {
                    (self.redirector.readyz().await["parts"]["stream"]["status"] == "degraded").then_some(())
                })
                .await;
            }
            FillSpool => {
                wait_until(PATIENCE, "the spool takes no more", async || (self.past_the_spool().await? > self.past_before).then_some(()))
                    .await;
            }
            _ => {}
        }
    }

    pub async fn end(&mut self, fault: Fault) {
        match fault {
            KillRedirector => {
                self.redirector.restart();
                self.redirector.ready().await;
                self.away.last_mut().unwrap().1 = Instant::now();
                if self.database_is_away {
                    self.cold.push((self.away.last().unwrap().0, None));
                } else {
                    self.warm().await;
                }
            }
            KillWorker => {
                self.worker.restart();
                // Without its database it is not ready, and starts all the same.
                if !self.database_is_away {
                    self.worker.ready().await;
                }
            }
            KillApi => {
                self.api.restart();
                if !self.database_is_away {
                    self.api.ready().await;
                }
            }
            KillBroker => self.nats.restart(),
            KillDatabase => {
                self.postgres.restart();
                self.database_is_away = false;
                if let Some((_, to @ None)) = self.cold.last_mut() {
                    // Within this the redirector asks again.
                    *to = Some(Instant::now() + Duration::from_secs(10));
                }
            }
            HaltRedirector => self.redirector.go_on(),
            HaltWorker | FillBroker => self.worker.go_on(),
            HaltBroker => self.nats.go_on(),
            FillSpool => {
                if let Some(filler) = self.filler.take() {
                    filler.abort();
                    // It has the file open until then.
                    let _ = filler.await;
                }
                self.disk.free();
                self.full.last_mut().unwrap().1 = Instant::now();
            }
            WipeBroker => {}
        }
    }

    /// Clicks that found no room in the spool.
    async fn past_the_spool(&self) -> Option<u64> {
        Some(self.metric("linklogger_spool_sent_directly_total").await? + self.metric("linklogger_spool_lost_total").await?)
    }

    /// Clicks that the broker has taken so far, be it again.
    async fn shipped(&self) -> Option<u64> {
        self.metric("linklogger_shipper_shipped_total").await
    }

    /// The sum of a metric's values, whatever its labels.
    async fn metric(&self, name: &str) -> Option<u64> {
        let url = format!("http://{}/metrics", self.redirector.setting("OPS_LISTEN"));
        let text = reqwest::get(url).await.ok()?.text().await.ok()?;
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        Some(values.sum())
    }

    /// Clicks with these verdicts of the link that nobody else clicks.
    async fn marked(&self) -> Option<u64> {
        let mut filter: Value = serde_json::from_str(ALL).unwrap();
        filter["linkIds"] = json!([self.marker]);
        let query = "query($f: ClickFilter) { clickTotals(filter: $f) { clicks } }";
        let answer = self.ada.try_send(query, json!({ "f": filter })).await.ok()?;
        answer["data"]["clickTotals"]["clicks"].as_u64()
    }

    /// Waits until everything that was captured is stored: a workspace's clicks are stored in
    /// their order, so a later one of them says it.
    pub async fn settle(&mut self) {
        self.redirector.ready().await;
        wait_for_database(&self.ada).await;
        wait_until(PATIENCE, "the spool has room again", async || {
            let report = self.redirector.readyz().await;
            (report["parts"]["spool"]["status"] != "degraded" || self.click_marker().await).then_some(())
        })
        .await;
        let before = self.marked().await.unwrap();
        assert!(self.click_marker().await, "the marker leads on");
        // After a long halt and a wipe there is much to be sent again: as long as it goes on, it is waited for.
        let deadline = Instant::now() + 5 * PATIENCE;
        while self.marked().await.is_none_or(|marked| marked <= before) {
            assert!(Instant::now() < deadline, "clicks are shipped without end");
            // One that was clicked before there was room again is counted as lost.
            self.click_marker().await;
            let taken = self.shipped().await;
            wait_until(PATIENCE, "more clicks are shipped, or the last one is stored", async || {
                (self.shipped().await > taken || self.marked().await.is_some_and(|marked| marked > before)).then_some(())
            })
            .await;
        }
    }

    async fn click_marker(&self) -> bool {
        self.click_as_marker(&self.url("marker")).await
    }

    async fn click_as_marker(&self, url: &str) -> bool {
        let answer = browser().get(format!("{url}?n=marker")).send().await;
        answer.is_ok_and(|answer| answer.status() == 302)
    }

    /// Losses that were stored: on a full disk, in doubt, and for any other reason. Copies (8) are none: frames that were not
    /// acknowledged come again.
    pub fn lost(&self) -> (u64, u64, u64) {
        let sum = |of: &str| {
            let sql = format!("SELECT coalesce(sum(count), 0) FROM ingest_counters WHERE {of}");
            self.postgres.sql(&self.database, &sql).parse().unwrap()
        };
        (sum("reason = 1"), sum("reason = 4"), sum("reason NOT IN (1, 4, 8)"))
    }

    pub fn was_full(&self, request: &Request) -> bool {
        self.full.iter().any(|(from, to)| request.began <= *to && request.ended >= *from)
    }

    pub fn was_away(&self, request: &Request) -> bool {
        self.away.iter().any(|(from, to)| request.began <= *to && request.ended >= *from)
    }

    pub fn was_cold(&self, request: &Request) -> bool {
        self.cold.iter().any(|(from, to)| request.ended >= *from && to.is_none_or(|to| request.began <= to))
    }
}
