//! What a worker does with a click but reading and storing it: decoding, place and provider, user agent, verdict, sources,
//! the day's visitor key, and the clicks beside it. `cargo bench -p worker`. Figures for docs/performance.md; nothing is
//! judged.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where what it needs is missing")]

use std::sync::Arc;

use domain::{
    Address, CapturedClick, ClickId, Email, LinkId, Method, Millis, Outcome, SessionId, Shard, SignalSet, Signals, UserId, WorkspaceId,
};
use enrich::{Enricher, GeoDatabases, GeoSource};
use platform::config::Database;
use platform::{Clock, Health, Rng};
use store::{NewAccount, NewSession, Refresh, RefreshHash, Store, Workspace};
use stream::{Frame, FrameId, LocalFeed, encode_record};
use worker::{DryLane, Salts, WorkerParts};

/// Agents that people have, as often as they have them, and now and then a machine's.
const BROWSERS: &str = include_str!("../../enrich/tests/data/browsers-user-agents.txt");
const CRAWLERS: &str = include_str!("../../enrich/tests/data/crawlers-crawlerdetect.txt");
/// 2026-03-01T12:00:00Z.
const NOON: Millis = Millis(1_772_366_400_000);
const BATCHES: usize = 400;
const BATCH: usize = 500;
const LINKS: usize = 200;
const ROUNDS: usize = 3;

/// Whose clicks these are: so many visitors, so many clicks a second.
struct Crowd {
    name: &'static str,
    visitors: usize,
    per_second: usize,
}

fn click(workspace: WorkspaceId, number: usize, crowd: &Crowd, agents: &[String]) -> CapturedClick {
    let at = NOON.plus((number * 1_000 / crowd.per_second) as i64);
    // A few agents make most clicks, and a visitor has always the same.
    let visitor = number * 7_919 % crowd.visitors;
    let [.., a, b, c] = (visitor * 104_729).to_be_bytes();
    let link = (number / 3 % LINKS) as u8;
    CapturedClick {
        id: ClickId::new(at, Rng::System.entropy()),
        workspace,
        link: LinkId::new(NOON, [link; 10]),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "https://go.example.com/summer?utm_source=news&utm_medium=email&ref=7".into(),
        target: "https://shop.example.com/summer/sale?item=1&utm_campaign=summer".into(),
        address: Address::Full([81, a, b, c].into()),
        user_agent: Some(agents[visitor % agents.len()].clone()),
        referrer: Some("https://news.example.com/story/today?page=2".into()),
        accept_language: Some("de-DE,de;q=0.9,en;q=0.8".into()),
        redirect_micros: 80,
        rule: None,
        above_rate: false,
        signals: Signals::of(
            SignalSet::TAKEN
                | SignalSet::ACCEPT
                | SignalSet::ACCEPT_HTML
                | SignalSet::ACCEPT_LANGUAGE
                | SignalSet::ACCEPT_ENCODING
                | SignalSet::FETCH_METADATA
                | SignalSet::NAVIGATION,
        ),
        judged: None,
    }
}

/// As often as they are met: the number of the agent falls off as one over its rank does.
fn agents(of: usize) -> Vec<String> {
    let (browsers, crawlers): (Vec<&str>, Vec<&str>) = (BROWSERS.lines().collect(), CRAWLERS.lines().collect());
    let rank = |number: usize, of: usize| ((of as f64).powf((number * 7_919 % 10_007) as f64 / 10_007.0) as usize).min(of - 1);
    let agent = |number: usize| match number % 20 {
        0 => crawlers[rank(number, crawlers.len())],
        _ => browsers[rank(number, browsers.len())],
    };
    (0..of).map(|number| agent(number).to_owned()).collect()
}

async fn workspace(store: &Store, name: &str) -> WorkspaceId {
    let rng = Rng::System;
    let id = WorkspaceId::new(NOON, rng.entropy());
    let session = NewSession {
        id: SessionId::new(NOON, rng.entropy()),
        user: UserId::new(NOON, rng.entropy()),
        workspace: id,
        refresh: Refresh { hash: RefreshHash(rng.bytes()), expires_at: NOON },
        now: NOON,
    };
    let workspace = Workspace { id, name: name.into(), slug: name.into(), time_zone: "UTC".into(), created_at: NOON };
    let email = Email::parse(&format!("{name}@example.com")).unwrap();
    store.sign_up(NewAccount { email, password_hash: String::new(), workspace, session }).await.unwrap();
    id
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let named = std::env::var_os("LINKLOGGER_GEOIP_DB").unwrap_or_default();
    let files: Vec<_> = named.to_string_lossy().split(',').map(Into::into).collect();
    let geo = Arc::new(GeoDatabases::open(GeoSource::Files(files)).unwrap_or_else(|error| {
        eprintln!("{error} Measured without places.");
        GeoDatabases::default()
    }));
    let kinds: Vec<String> = geo.state().iter().filter_map(|file| Some(file.used.as_ref()?.kind().to_owned())).collect();
    eprintln!("geo databases: {}", kinds.join(", "));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::connect(&Database::Sqlite(folder.path().join("bench.db"))).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    for (index, crowd) in [
        Crowd { name: "5,000 visitors, 1,000 clicks/s", visitors: 5_000, per_second: 1_000 },
        Crowd { name: "20,000 visitors, 10,000 clicks/s", visitors: 20_000, per_second: 10_000 },
        Crowd { name: "20 visitors, 100 clicks/s, as of an office", visitors: 20, per_second: 100 },
    ]
    .iter()
    .enumerate()
    {
        let agents = agents(crowd.visitors);
        for round in 0..ROUNDS {
            let ours = workspace(&store, &format!("bench-{index}-{round}")).await;
            let clock = Clock::manual(NOON);
            let mut lane = DryLane::new(WorkerParts {
                salts: Salts::new(store.clone(), Rng::System),
                store: store.clone(),
                feed: Arc::new(LocalFeed::default()),
                enricher: Arc::new(Enricher::new(geo.clone())),
                clock: clock.clone(),
                rng: Rng::System,
                health: Health::default(),
            });
            let mut micros = Vec::with_capacity(BATCHES);
            for batch in 0..BATCHES {
                let records = (0..BATCH).map(|number| encode_record(&click(ours, batch * BATCH + number, crowd, &agents)).into()).collect();
                let shard = Shard::of(ours);
                let frame = Frame { id: FrameId::new(1, batch as u64, &[]), shard, records, losses: Vec::new() };
                clock.advance((BATCH * 1_000 / crowd.per_second) as i64);
                micros.push(lane.make(&frame).await.unwrap().as_secs_f64() * 1e6 / BATCH as f64);
            }
            micros.sort_by(f64::total_cmp);
            eprintln!("{:<44} median {:>5.2} µs, p99 {:>5.2} µs", crowd.name, micros[BATCHES / 2], micros[BATCHES * 99 / 100]);
        }
    }
}
