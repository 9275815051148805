//! What an append costs, beside what it is made of: `cargo bench -p stream`. Figures for
//! docs/performance.md; nothing is judged.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where what it needs is missing")]

use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

use domain::{Address, CapturedClick, ClickId, LinkId, Method, Millis, Outcome, WorkspaceId};
use platform::{Metrics, Rng};
use stream::{Spool, SpoolOptions, encode_record_into};

const APPENDS: u32 = 200_000;
/// Records that share one `write(2)`, for comparison.
const GROUP: usize = 16;

fn click() -> CapturedClick {
    CapturedClick {
        id: ClickId::new(Millis(1_772_366_400_000), Rng::System.entropy()),
        workspace: WorkspaceId::new(Millis(0), [1; 10]),
        link: LinkId::new(Millis(0), [1; 10]),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "http://go.example/spring?utm_source=mail".into(),
        target: "https://example.com/landing?a=1".into(),
        address: Address::Full([203, 0, 113, 1].into()),
        user_agent: Some(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36".into(),
        ),
        referrer: Some("https://news.example/".into()),
        accept_language: Some("de-DE,de;q=0.9".into()),
        redirect_micros: 90,
        rule: None,
        above_rate: false,
        signals: domain::Signals::default(),
        judged: None,
    }
}

fn per_append(name: &str, work: impl FnOnce()) {
    let begun = Instant::now();
    work();
    eprintln!("{name:<34} {:>6} ns", begun.elapsed().as_nanos() / u128::from(APPENDS));
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let click = click();
    let spool = Spool::open(SpoolOptions::new(folder.path().join("spool")), &Rng::System, &Metrics::default()).unwrap();
    let mut buffer = Vec::new();
    encode_record_into(&click, &mut buffer);
    eprintln!("a record of {} bytes", buffer.len());
    for _ in 0..3 {
        per_append("encode and checksum", || {
            for _ in 0..APPENDS {
                buffer.clear();
                encode_record_into(&click, &mut buffer);
                std::hint::black_box(crc32c::crc32c(&buffer));
            }
        });
        per_append("Spool::append", || {
            for _ in 0..APPENDS {
                spool.append(&click).unwrap();
            }
        });
        let mut file = File::create(folder.path().join("one")).unwrap();
        per_append("write(2) alone", || (0..APPENDS).for_each(|_| file.write_all(&buffer).unwrap()));
        let mut file = File::create(folder.path().join("grouped")).unwrap();
        let group = buffer.repeat(GROUP);
        per_append("write(2) alone, 16 in a group", || (0..APPENDS as usize / GROUP).for_each(|_| file.write_all(&group).unwrap()));
    }
}
