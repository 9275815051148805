//! What it costs to make of a captured click the one that is stored, by itself alone: `cargo bench -p enrich`.
//! worker/benches/enrich.rs has all that a worker does. Figures for docs/performance.md; nothing is judged.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use domain::{Address, CapturedClick, ClickId, LinkId, Method, Millis, Outcome, Privacy, SignalSet, Signals, WorkspaceId};
use enrich::{Enricher, GeoDatabases, GeoSource};

/// Agents that people have, as often as they have them, and now and then a machine's.
const BROWSERS: &str = include_str!("../tests/data/browsers-user-agents.txt");
const CRAWLERS: &str = include_str!("../tests/data/crawlers-crawlerdetect.txt");
const CLICKS: usize = 200_000;
const BATCH: usize = 500;

fn click(number: usize, agent: String) -> CapturedClick {
    let [_, .., a, b, c] = number.to_be_bytes();
    CapturedClick {
        id: ClickId::new(Millis(1_760_000_000_000 + number as i64), [1; 10]),
        workspace: WorkspaceId::new(Millis(1), [1; 10]),
        link: LinkId::new(Millis(1), [1; 10]),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "https://go.example.com/summer?utm_source=news&utm_medium=email&ref=7".into(),
        target: "https://shop.example.com/summer/sale?item=1&utm_campaign=summer".into(),
        address: Address::Full([81, a, b, c].into()),
        user_agent: Some(agent),
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

/// Microseconds of the median and of the slowest hundredth of the batches, a click.
fn measure(name: &str, enricher: &Enricher, clicks: &[CapturedClick]) {
    let privacy = Privacy::default();
    let mut micros: Vec<f64> = clicks
        .chunks(BATCH)
        .map(|batch| {
            let begun = Instant::now();
            for click in batch {
                black_box(enricher.enrich(black_box(click), &privacy));
            }
            begun.elapsed().as_secs_f64() * 1e6 / batch.len() as f64
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    eprintln!("{name:<58} median {:>6.2} µs, p99 {:>6.2} µs", micros[micros.len() / 2], micros[micros.len() * 99 / 100]);
}

fn main() {
    let named = std::env::var_os("LINKLOGGER_GEOIP_DB").unwrap_or_default();
    let files: Vec<_> = named.to_string_lossy().split(',').map(Into::into).collect();
    let geo = GeoDatabases::open(GeoSource::Files(files)).unwrap_or_else(|error| {
        eprintln!("{error} Measured without places.");
        GeoDatabases::default()
    });
    let enricher = Enricher::new(Arc::new(geo));
    let (browsers, crawlers): (Vec<&str>, Vec<&str>) = (BROWSERS.lines().collect(), CRAWLERS.lines().collect());
    // A few agents make most clicks: the number of the agent falls off as one over its rank does.
    let rank = |number: usize, of: usize| ((of as f64).powf((number * 7_919 % 10_007) as f64 / 10_007.0) as usize).min(of - 1);
    let agent = |number: usize| match number % 20 {
        0 => crawlers[rank(number, crawlers.len())],
        _ => browsers[rank(number, browsers.len())],
    };
    let mix: Vec<_> = (0..CLICKS).map(|number| click(number, agent(number).to_owned())).collect();
    let new: Vec<_> = (0..CLICKS / 10).map(|number| click(number, format!("{} {number}", browsers[number % browsers.len()]))).collect();
    for _ in 0..3 {
        measure("952 browsers and 1,199 crawlers, a few of them often", &enricher, &mix);
    }
    measure("each agent for the first time", &enricher, &new);
}
