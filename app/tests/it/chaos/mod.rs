//! Everything that can die dies under load, in an order drawn from a seed. In the end each click
//! that was answered is stored once or counted as lost; lost is only what met a full disk, and every
//! cached redirect succeeded. `make chaos` runs rounds of it with long faults.

mod cluster;
mod disk;
mod faults;

use std::collections::BTreeSet;
use std::time::Duration;

use platform::Rng;
use testkit::wait_until;

use crate::journey::stored;
use crate::load::{Became, Load, Request, numbers_of};
use cluster::Cluster;
use faults::Fault::KillDatabase;
use faults::plan;

/// Longer than the broker waits for the ack of a worker that was killed.
const PATIENCE: Duration = Duration::from_secs(90);
/// Clicks a second.
const RATE: u32 = 1_500;
/// The same of a redirector that has few: so few that a frame of it is long acked, and settled, when the
/// next one comes.
const QUIET_RATE: u32 = 8;

async fn chaos(seed: u64, rounds: u32, halt: Duration) {
    let rng = Rng::seeded(seed);
    let mut cluster = Cluster::start().await;
    let (mut all, mut quiet): (Vec<Request>, Vec<Request>) = Default::default();
    for round in 0..rounds {
        let load = Load::start(&cluster.url("a"), RATE, round * 100_000_000);
        let quiet_load = Load::start(&cluster.quiet_url("a"), QUIET_RATE, round * 100_000_000 + 50_000_000);
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
        quiet.extend(quiet_load.end().await);
        cluster.settle().await;
    }
    judge(&cluster, &all, &quiet).await;
}

async fn judge(cluster: &Cluster, all: &[Request], quiet: &[Request]) {
    for request in quiet {
        assert_eq!(request.became, Became::Redirected, "the quiet redirector was there: {request:?}");
    }
    for request in all {
        match request.became {
            Became::Redirected => {}
            Became::Answered(503) => assert!(cluster.was_cold(request), "a cached link was not served: {request:?}"),
            Became::Answered(_) => panic!("a wrong answer: {request:?}"),
            Became::Unanswered => assert!(cluster.was_away(request), "no answer from a redirector that was there: {request:?}"),
        }
    }
    let quietly = numbers_of(quiet, Became::Redirected);
    let (redirected, unanswered) = (numbers_of(all, Became::Redirected), numbers_of(all, Became::Unanswered));
    // What a killed worker had in hand comes again late, after clicks that came later.
    let (once, lost, (sure, doubt, other)) = wait_until(PATIENCE, "every click is stored, or lost where the disk was full", async || {
        let mut stored = stored(&cluster.ada).await;
        stored.retain(|number| number != "marker");
        let once: BTreeSet<_> = stored.iter().cloned().collect();
        assert_eq!(stored.len(), once.len(), "clicks are stored twice");
        let is_missing = |request: &&Request| request.became == Became::Redirected && !once.contains(&request.number.to_string());
        let lost: Vec<_> = all.iter().filter(is_missing).collect();
        if let Some(request) = quiet.iter().find(is_missing) {
            eprintln!("one of the quiet redirector's is missing: {request:?}");
            return None;
        }
        let counted = cluster.lost();
        if let Some(request) = lost.iter().find(|request| !cluster.was_full(request)) {
            eprintln!("{} are missing, one of them with room in the spool: {request:?}; full in {:?}", lost.len(), cluster.full);
            return None;
        }
        (lost.len() as u64 <= counted.0 + counted.1).then_some((once, lost, counted))
    })
    .await;
    let foreign: Vec<_> =
        once.iter().filter(|number| ![&redirected, &unanswered, &quietly].iter().any(|asked| asked.contains(*number))).collect();
    assert!(foreign.is_empty(), "stored and not redirected: {foreign:?}");
    let missing = lost.len() as u64;
    eprintln!(
        "{} redirected, {} by the quiet one, {} unanswered, {} stored, {missing} missing, {sure} counted as lost, {doubt} in doubt",
        redirected.len(),
        quietly.len(),
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
