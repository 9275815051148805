//! What the dashboard's charts cost with a million clicks and with ten: `make bench-query`, see bench/README.md.
//! Figures for docs/performance.md; nothing is judged.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where what it needs is missing")]

mod common;

use std::sync::Arc;

use common::charts::{CHARTS, Chart, Subject};
use common::databases::{Database, Kind, Place};
use common::load::{Way, check_rows, full};
use common::report::{holds, percentile};
use common::world::World;
use domain::WorkspaceId;

/// In milliseconds.
const SLOWEST: f64 = 50.0;
/// With ten times the clicks.
const STEEPEST: f64 = 1.3;
const FEWEST_REPETITIONS: usize = 3;

/// What a chart took in milliseconds, by the size of the database.
struct Figures {
    store: Vec<Vec<f64>>,
    clicks: Vec<f64>,
    /// Whether both counted the same.
    agree: bool,
}

/// How often and how long each is asked.
struct Patience {
    repetitions: usize,
    seconds: f64,
}

#[tokio::main]
async fn main() {
    let sizes = common::setting("CLICKS").unwrap_or_else(|| "1_000_000,10_000_000".into());
    let sizes: Vec<usize> = sizes.split(',').map(|size| size.replace('_', "").trim().parse().unwrap()).collect();
    let (world, way) = (Arc::new(World::default()), Way::chosen());
    let patience = Patience { repetitions: common::number("REPETITIONS", 30), seconds: common::number("SECONDS", 10) as f64 };
    for kind in Kind::chosen() {
        let place = Place::open(kind, &world).await;
        check_rows(&place, &world).await;
        let mut databases = Vec::new();
        for size in &sizes {
            databases.push(full(&place, &world, *size, way).await);
        }
        charts(kind, &databases, &sizes, &world, &patience).await;
    }
}

async fn charts(kind: Kind, databases: &[Database], sizes: &[usize], world: &World, patience: &Patience) {
    let workspace = world.large().id;
    let sizes: Vec<String> = sizes.iter().map(|size| format!("{} M: p50   p95, on clicks", *size as f64 / 1e6)).collect();
    eprintln!("{}, 30 days, ms                     {}   p95s' ratio", kind.name(), sizes.join("   "));
    let (mut slowest, mut steepest, mut differ) = (0.0_f64, 0.0_f64, 0);
    for subject in [Subject::Workspace, Subject::Link(world.large().links[0]), Subject::Country("US")] {
        for chart in CHARTS {
            let figures = measure(databases, workspace, chart, &subject, patience).await;
            let p95s: Vec<f64> = figures.store.iter().map(|figures| percentile(figures, 0.95)).collect();
            slowest = p95s.iter().copied().fold(slowest, f64::max);
            let ratio = p95s[p95s.len() - 1] / p95s[0];
            steepest = steepest.max(ratio);
            differ += usize::from(!figures.agree);
            line(&format!("{}, {}", subject.name(), chart.name()), &figures, ratio);
        }
    }
    let (fast, flat) = (holds(slowest <= SLOWEST), holds(steepest <= STEEPEST));
    eprintln!("slowest p95 {slowest:.1} ms (bar ≤ {SLOWEST}: {fast}); steepest ratio {steepest:.2} (bar ≤ {STEEPEST}: {flat})");
    if differ > 0 {
        eprintln!("{differ} charts count other clicks than there are: rollups are missing, and their figures are of nothing");
    }
}

fn line(name: &str, figures: &Figures, ratio: f64) {
    let columns = figures.store.iter().zip(&figures.clicks).map(|(store, clicks)| {
        let fewer = if store.len() < 30 { format!(" ({} times)", store.len()) } else { String::new() };
        format!("{:>8.1} {:>8.1} {clicks:>8.1}{fewer}", percentile(store, 0.5), percentile(store, 0.95))
    });
    let differs = if figures.agree { "" } else { "  counts differ" };
    eprintln!("{name:<36} {}  {ratio:>6.2}{differs}", columns.collect::<Vec<_>>().join("  "));
}

/// Asks in turn in all databases; once before that is measured.
async fn measure(databases: &[Database], workspace: WorkspaceId, chart: Chart, subject: &Subject, patience: &Patience) -> Figures {
    let mut figures = Figures { store: vec![Vec::new(); databases.len()], clicks: Vec::new(), agree: true };
    for database in databases {
        let (_, counted) = chart.ask(database, workspace, subject).await;
        figures.agree &= counted == subject.clicks(&database.raw, workspace).await;
    }
    for _ in 0..patience.repetitions {
        for (database, taken) in databases.iter().zip(&mut figures.store) {
            let tired = taken.iter().sum::<f64>() > patience.seconds * 1e3 && taken.len() >= FEWEST_REPETITIONS;
            if !tired {
                taken.push(chart.ask(database, workspace, subject).await.0);
            }
        }
    }
    for database in databases {
        let mut taken = Vec::new();
        for _ in 0..FEWEST_REPETITIONS {
            taken.push(chart.ask_clicks(&database.raw, workspace, subject).await);
        }
        figures.clicks.push(percentile(&taken, 0.5));
    }
    figures
}
