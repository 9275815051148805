//! What it costs to tell whether a click is above its rates: `cargo bench -p platform`. Figures for
//! docs/performance.md; nothing is judged.

use std::hint::black_box;
use std::time::Instant;

use platform::Allowance;

const CLICKS: u32 = 5_000_000;

fn per_click(name: &str, work: impl Fn(u32)) {
    let begun = Instant::now();
    (0..CLICKS).for_each(work);
    eprintln!("{name:<44} {:>4} ns", begun.elapsed().as_nanos() / u128::from(CLICKS));
}

fn main() {
    let start = Instant::now();
    let (visitors, links) = (Allowance::new(100, start), Allowance::new(5_000, start));
    for _ in 0..3 {
        let now = Instant::now();
        per_click("one visitor of 10,000, one link of 1,000", |number| {
            black_box(visitors.take(black_box((true, u64::from(number % 10_000))), now));
            black_box(links.take(black_box(u128::from(number % 1_000)), now));
        });
        per_click("reading the clock once, for comparison", |_| {
            black_box(Instant::now());
        });
    }
}
