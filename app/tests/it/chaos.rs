//! Everything that can die dies under load, in an order drawn from a seed. In the end each click
//! that was answered is stored once or counted as lost; lost is only what met a full disk, and every
//! cached redirect succeeded. `make chaos` runs rounds of it with long faults.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use platform::Rng;
use serde_json::{Value, json};
use testkit::{GraphQl, NatsServer, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::{ALL, browser, stored, wait_for_database};
use crate::load::{Became, Load, Request, numbers_of};
use crate::program;

/// Longer than the broker waits for the ack of a worker that was killed.
const PATIENCE: Duration = Duration::from_secs(90);
/// Clicks a second.
const RATE: u32 = 1_500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    KillRedirector,
    KillWorker,
    KillApi,
    KillBroker,
    KillDatabase,
    HaltRedirector,
    HaltWorker,
    HaltBroker,
    /// The worker does not read, until the stream takes no more.
    FillBroker,
    FillSpool,
    WipeBroker,
}

use Fault::{
    FillBroker, FillSpool, HaltBroker, HaltRedirector, HaltWorker, KillApi, KillBroker, KillDatabase, KillRedirector, KillWorker,
    WipeBroker,
};

const FAULTS: [Fault; 11] = [
    KillRedirector,
    KillWorker,
    KillApi,
    KillBroker,
    KillDatabase,
    HaltRedirector,
    HaltWorker,
    HaltBroker,
    FillBroker,
    FillSpool,
    WipeBroker,
];

impl Fault {
    /// What it befalls. Two faults at once befall two things.
    fn victim(self) -> &'static str {
        match self {
            KillRedirector | HaltRedirector => "redirector",
            KillWorker | HaltWorker | FillBroker => "worker",
            KillApi => "api",
            KillBroker | HaltBroker | WipeBroker => "broker",
            KillDatabase => "database",
            FillSpool => "spool",
        }
    }

    /// With the kept segments given up for room, and the broker wiped before their clicks were
    /// read, two disks would have failed at once.
    /// And only a redirector that is there can say what is full.
    fn goes_with(self, other: Self) -> bool {
        let fills = [self, other].into_iter().any(|fault| matches!(fault, FillBroker | FillSpool));
        let asks = [self, other].into_iter().any(|fault| fault.victim() == "redirector");
        let disks = matches!((self, other), (WipeBroker, FillSpool) | (FillSpool, WipeBroker));
        self.victim() != other.victim() && !disks && !(fills && asks)
    }
}

/// A fault, perhaps another that begins while it lasts, and how long they last.
#[derive(Debug)]
struct Step {
    faults: Vec<Fault>,
    lasts: Duration,
}

/// Every fault once, in any order, but the wipe before the full spool.
fn plan(rng: &Rng, halt: Duration) -> Vec<Step> {
    let mut faults = FAULTS.to_vec();
    for last in (1..faults.len()).rev() {
        faults.swap(last, rng.below(last as u64 + 1) as usize);
    }
    let at = |faults: &[Fault], fault| faults.iter().position(|other| *other == fault).unwrap();
    let (wipe, fill) = (at(&faults, WipeBroker), at(&faults, FillSpool));
    if fill < wipe {
        faults.swap(wipe, fill);
    }
    let mut steps: Vec<Step> = Vec::new();
    for fault in faults {
        let lasts = match fault {
            HaltRedirector | HaltWorker | HaltBroker => halt,
            _ => Duration::from_millis(200 + rng.below(1_300)),
        };
        match steps.last_mut() {
            Some(step) if step.faults.len() == 1 && step.faults[0].goes_with(fault) && rng.below(3) == 0 => {
                step.faults.push(fault);
                step.lasts = step.lasts.max(lasts);
            }
            _ => steps.push(Step { faults: vec![fault], lasts }),
        }
    }
    steps
}

struct Cluster {
    nats: NatsServer,
    postgres: Postgres,
    database: String,
    api: Program,
    worker: Program,
    redirector: Program,
    disk: Disk,
    filler: Option<tokio::task::JoinHandle<()>>,
    database_is_away: bool,
    /// When the spool's disk was full, and what had found no room before.
    full: Vec<(Instant, Instant)>,
    past_before: u64,
    /// When no redirector could answer.
    away: Vec<(Instant, Instant)>,
    /// When a redirector had started that could not ask for the link.
    cold: Vec<(Instant, Option<Instant>)>,
    ada: GraphQl,
    marker: Value,
    _folder: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
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
                .with("SPOOL_QUOTA", "64MiB")
        };
        let mut migrate = options("api");
        migrate.arguments = vec!["migrate".into()];
        assert_eq!(migrate.run(program()).0, Some(0));
        let disk = Disk::mount(&folder.path().join("redirector"));
        let mut redirector = Program::start(program(), options("redirector"));
        let mut api = Program::start(program(), options("api").with("SHORT_DOMAIN", redirector.setting("REDIRECT_LISTEN")));
        let mut worker = Program::start(program(), options("worker"));
        for program in [&mut redirector, &mut api, &mut worker] {
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

    /// Has the redirector know the link, which only then is a cached one.
    async fn warm(&self) {
        wait_until(PATIENCE, "the link is known", async || self.click_as_marker("a").await.then_some(())).await;
    }

    fn url(&self, slug: &str) -> String {
        format!("http://{}/{slug}", self.redirector.setting("REDIRECT_LISTEN"))
    }

    async fn begin(&mut self, fault: Fault) {
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
    async fn felt(&self, fault: Fault) {
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

    async fn end(&mut self, fault: Fault) {
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
    async fn settle(&mut self) {
        self.redirector.ready().await;
        wait_for_database(&self.ada).await;
        wait_until(PATIENCE, "the spool has room again", async || {
            let report = self.redirector.readyz().await;
            (report["parts"]["spool"]["status"] != "degraded" || self.click_marker().await).then_some(())
        })
        .await;
        let before = self.marked().await.unwrap();
        assert!(self.click_marker().await, "the marker leads on");
        wait_until(PATIENCE, "the last click is stored", async || self.marked().await.filter(|marked| *marked > before)).await;
    }

    async fn click_marker(&self) -> bool {
        self.click_as_marker("marker").await
    }

    async fn click_as_marker(&self, slug: &str) -> bool {
        let answer = browser().get(format!("{}?n=marker", self.url(slug))).send().await;
        answer.is_ok_and(|answer| answer.status() == 302)
    }

    /// Losses that were stored: on a full disk, in doubt, and for any other reason.
    fn lost(&self) -> (u64, u64, u64) {
        let sum = |of: &str| {
            let sql = format!("SELECT coalesce(sum(count), 0) FROM ingest_counters WHERE {of}");
            self.postgres.sql(&self.database, &sql).parse().unwrap()
        };
        (sum("reason = 1"), sum("reason = 4"), sum("reason NOT IN (1, 4)"))
    }

    fn was_full(&self, request: &Request) -> bool {
        self.full.iter().any(|(from, to)| request.began <= *to && request.ended >= *from)
    }

    fn was_away(&self, request: &Request) -> bool {
        self.away.iter().any(|(from, to)| request.began <= *to && request.ended >= *from)
    }

    fn was_cold(&self, request: &Request) -> bool {
        self.cold.iter().any(|(from, to)| request.ended >= *from && to.is_none_or(|to| request.began <= to))
    }
}

async fn chaos(seed: u64, rounds: u32, halt: Duration) {
    let rng = Rng::seeded(seed);
    let mut cluster = Cluster::start().await;
    let mut all: Vec<Request> = Vec::new();
    for round in 0..rounds {
        let load = Load::start(&cluster.url("a"), RATE, round * 100_000_000);
        for step in plan(&rng, halt) {
            eprintln!("seed {seed}, round {round}: {:?} for {:?}", step.faults, step.lasts);
            for fault in &step.faults {
                cluster.begin(*fault).await;
            }
            tokio::time::sleep(step.lasts).await;
            for fault in &step.faults {
                cluster.felt(*fault).await;
            }
            // Nothing is ready before the database is there.
            let ending = step
                .faults
                .iter()
                .filter(|fault| **fault == KillDatabase)
                .chain(step.faults.iter().filter(|fault| **fault != KillDatabase));
            for fault in ending {
                cluster.end(*fault).await;
            }
        }
        all.extend(load.end().await);
        cluster.settle().await;
    }
    judge(&cluster, &all).await;
}

async fn judge(cluster: &Cluster, all: &[Request]) {
    for request in all {
        match request.became {
            Became::Redirected => {}
            Became::Answered(503) => assert!(cluster.was_cold(request), "a cached link was not served: {request:?}"),
            Became::Answered(_) => panic!("a wrong answer: {request:?}"),
            Became::Unanswered => assert!(cluster.was_away(request), "no answer from a redirector that was there: {request:?}"),
        }
    }
    let (redirected, unanswered) = (numbers_of(all, Became::Redirected), numbers_of(all, Became::Unanswered));
    // What a killed worker had in hand comes again late, after clicks that came later.
    let (once, lost, (sure, doubt, other)) = wait_until(PATIENCE, "every click is stored, or lost where the disk was full", async || {
        let mut stored = stored(&cluster.ada).await;
        stored.retain(|number| number != "marker");
        let once: BTreeSet<_> = stored.iter().cloned().collect();
        assert_eq!(stored.len(), once.len(), "clicks are stored twice");
        let is_missing = |request: &&Request| request.became == Became::Redirected && !once.contains(&request.number.to_string());
        let lost: Vec<_> = all.iter().filter(is_missing).collect();
        let counted = cluster.lost();
        if let Some(request) = lost.iter().find(|request| !cluster.was_full(request)) {
            eprintln!("{} are missing, one of them with room in the spool: {request:?}; full in {:?}", lost.len(), cluster.full);
            return None;
        }
        (lost.len() as u64 <= counted.0 + counted.1).then_some((once, lost, counted))
    })
    .await;
    let foreign: Vec<_> = once.iter().filter(|number| !redirected.contains(*number) && !unanswered.contains(*number)).collect();
    assert!(foreign.is_empty(), "stored and not redirected: {foreign:?}");
    let missing = lost.len() as u64;
    eprintln!(
        "{} redirected, {} unanswered, {} stored, {missing} missing, {sure} counted as lost, {doubt} in doubt",
        redirected.len(),
        unanswered.len(),
        once.len()
    );
    assert_eq!(other, 0, "clicks are lost for another reason than a full disk");
    // A request that was killed may have been counted before its answer left.
    let killed = all.iter().filter(|request| request.became == Became::Unanswered && cluster.was_full(request)).count() as u64;
    assert!(sure <= missing + killed, "{sure} are counted as lost, {missing} are missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_nothing_is_lost_or_doubled() {
    let setting = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "make chaos tells the seed and the size so")]
        std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"))
    };
    let seed = setting("CHAOS_SEED").unwrap_or(3);
    let rounds = setting("CHAOS_ROUNDS").unwrap_or(1);
    let halt = Duration::from_secs(setting("CHAOS_HALT_SECONDS").unwrap_or(1));
    chaos(seed, u32::try_from(rounds).expect("few rounds"), halt).await;
}

/// The file system of the redirector's data alone, where this may be had.
struct Disk(PathBuf, bool);

impl Disk {
    fn mount(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"]).arg(dir).status();
        Self(dir.to_owned(), mounted.is_ok_and(|status| status.success()))
    }

    /// Takes all room that there is and that comes free, until it is aborted.
    fn fill(&self) -> tokio::task::JoinHandle<()> {
        let path = self.0.join("other");
        assert!(self.1, "this needs a file system of its own: run it as root, who may mount a tmpfs");
        tokio::spawn(async move {
            let mut file = std::fs::File::create(path).unwrap();
            loop {
                while file.write_all(&[1; 4_096]).is_ok() {}
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("other")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
