//! What storing clicks costs, with everything that belongs to it, beside putting the same rows into the same
//! table plainly: `make bench-ingest`, see bench/README.md. Figures for docs/performance.md; nothing is judged.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where what it needs is missing")]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::clicks::clicks;
use common::databases::{Database, Kind, Place, Raw, copy_in, copy_out};
use common::report::{holds, median, thousands};
use common::rows::{insert, read};
use common::sizes::Sizes;
use common::timeline::Timeline;
use common::world::{NOW, World};
use store::Incoming;

/// As clicks come: all at once, or after a long while in which nothing was stored.
struct Pattern {
    name: &'static str,
    /// Clicks in an hour.
    pace: usize,
}

const PATTERNS: [Pattern; 2] = [Pattern { name: "live", pace: 2_000 * 3_600 }, Pattern { name: "backlog", pace: 500 }];
const BATCHES: [usize; 2] = [500, 5_000];

/// What one round measured, in clicks a second.
struct Round {
    store: f64,
    plain: f64,
    /// Plainly and in one go, where that is another thing.
    whole: Option<f64>,
}

/// The databases that one kind of batches is measured in.
struct Stage {
    store: Database,
    plain: Database,
    whole: Database,
}

#[tokio::main]
async fn main() {
    let (rounds, per_round) = (common::number("ROUNDS", 5), common::number("CLICKS", 20_000));
    let world = World::default().of_one_shard();
    eprintln!("{rounds} rounds of {per_round} clicks of {} workspaces each, after one that is not counted; medians", world.tenants.len());
    for kind in Kind::chosen() {
        let place = Place::open(kind, &world).await;
        for pattern in PATTERNS.iter().filter(|pattern| common::chosen("PATTERNS", pattern.name)) {
            for batch in BATCHES.into_iter().filter(|batch| common::chosen("BATCHES", &batch.to_string())) {
                measure(&place, &Arc::new(world.clone()), pattern, batch, (rounds, per_round)).await;
            }
        }
    }
}

async fn measure(place: &Place, world: &Arc<World>, pattern: &Pattern, batch: usize, (rounds, per_round): (usize, usize)) {
    let stage = Stage { store: place.copy("store").await, plain: place.copy("plain").await, whole: place.copy("whole").await };
    let before = Sizes::of(&stage.store.raw).await;
    let all = (rounds + 1) * per_round;
    let timeline = Timeline { end: NOW, span: (all as f64 / pattern.pace as f64 * 3_600_000.0) as i64, clicks: all + 100 };
    let mut coming = clicks(world.clone(), timeline);
    let (mut measured, mut last) = (Vec::new(), None);
    for round in 0..=rounds {
        // No two rounds share a millisecond, so that what a round stored is found by its first.
        let part: Vec<Incoming> =
            coming.by_ref().skip_while(|incoming| Some(incoming.click.occurred_at()) <= last).take(per_round).collect();
        last = part.last().map(|incoming| incoming.click.occurred_at());
        measured.push(stage.round(&part, batch).await);
        if round == 0 {
            stage.let_stand().await;
        }
    }
    measured.remove(0);
    report(place.kind, pattern, batch, &measured);
    let grown = Sizes::of(&stage.store.raw).await.since(&before);
    eprintln!("           bytes on disk per click: {}", grown.per_click(all));
    for database in [stage.store, stage.plain, stage.whole] {
        place.drop(database).await;
    }
}

impl Stage {
    async fn let_stand(&self) {
        for database in [&self.store, &self.plain, &self.whole] {
            database.raw.let_stand().await;
        }
    }

    async fn round(&self, part: &[Incoming], batch: usize) -> Round {
        let begun = Instant::now();
        for batch in part.chunks(batch) {
            let report = self.store.store.ingest(batch, NOW).await.unwrap();
            assert_eq!(report.stored.iter().map(|stored| stored.clicks.len()).sum::<usize>(), batch.len());
        }
        let store = per_second(part, begun);
        let new = format!("SELECT * FROM clicks WHERE id >= {} ORDER BY id", self.first(part));
        match (&self.store.raw, &self.plain.raw, &self.whole.raw) {
            (Raw::Postgres(stored), Raw::Postgres(plain), Raw::Postgres(whole)) => {
                let text = copy_out(stored, &new).await;
                let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
                assert_eq!(lines.len(), part.len());
                let parts: Vec<Vec<u8>> = lines.chunks(batch).map(<[&[u8]]>::concat).collect();
                let begun = Instant::now();
                for part in &parts {
                    copy_in(plain, "", part).await;
                }
                let plain = per_second(part, begun);
                let begun = Instant::now();
                copy_in(whole, "", &text).await;
                Round { store, plain, whole: Some(per_second(part, begun)) }
            }
            (Raw::Sqlite(stored), Raw::Sqlite(plain), _) => {
                let rows = read(stored, &new).await;
                assert_eq!(rows.len(), part.len());
                let begun = Instant::now();
                for rows in rows.chunks(batch) {
                    insert(plain, "", rows).await;
                }
                Round { store, plain: per_second(part, begun), whole: None }
            }
            _ => unreachable!("all databases of a stage are of one kind"),
        }
    }

    /// The id that the clicks of a round begin with, as SQL has it; they come in order.
    fn first(&self, part: &[Incoming]) -> String {
        let id = domain::ClickId::floor(part[0].click.occurred_at()).0;
        match &self.store.raw {
            Raw::Sqlite(_) => format!("x'{}'", id.simple()),
            Raw::Postgres(_) => format!("'{id}'"),
        }
    }
}

fn per_second(part: &[Incoming], begun: Instant) -> f64 {
    part.len() as f64 / begun.elapsed().as_secs_f64()
}

fn report(kind: Kind, pattern: &Pattern, batch: usize, rounds: &[Round]) {
    let of = |figure: fn(&Round) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
    let (store, plain, ratio) = (of(|round| round.store), of(|round| round.plain), of(|round| round.store / round.plain));
    let whole = rounds[0].whole.is_some().then(|| of(|round| round.whole.unwrap_or(f64::NAN)));
    let (what, whole) = match whole {
        Some(whole) => ("COPY", format!(", in one go {}", thousands(whole))),
        None => ("plain inserts", String::new()),
    };
    let bar = match (kind, batch) {
        (Kind::Postgres, 5_000..) => format!("bar ≥ 0.25: {}", holds(ratio >= 0.25)),
        (Kind::Postgres, _) => format!("bar ≥ 10 k clicks/s: {}", holds(store >= 10_000.0)),
        (Kind::Sqlite, _) => format!("bar ≥ 0.3: {}", holds(ratio >= 0.3)),
    };
    let (name, figures) = (kind.name(), format!("{} clicks/s, {what} {}{whole}: {ratio:.2}", thousands(store), thousands(plain)));
    eprintln!("{name:<10} {:<7} batches of {batch:>5}: {figures}; {bar}", pattern.name);
}
