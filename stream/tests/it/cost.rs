//! What an append costs. Figures, not a test: run it by
//! `cargo test --release -p stream --test it -- --ignored --nocapture append_cost`.

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use platform::config::Durability;
use stream::{SpoolOptions, encode_record_into};

use crate::fixture::{captured, open_as, workspace};

const APPENDS: u32 = 200_000;

fn per_append(name: &str, work: impl FnOnce()) {
    let begun = Instant::now();
    work();
    eprintln!("{name:<34} {:>6} ns", Duration::as_nanos(&begun.elapsed()) / u128::from(APPENDS));
}

#[test]
#[ignore = "prints figures"]
fn append_cost() {
    let folder = tempfile::tempdir().unwrap();
    let click = captured(workspace(1), 1);
    let spool = open_as(SpoolOptions { durability: Durability::Os, ..SpoolOptions::new(folder.path().join("spool")) });
    let mut buffer = Vec::new();
    encode_record_into(&click, &mut buffer);
    let bytes = buffer.len();
    eprintln!("a record of {bytes} bytes");
    for _ in 0..3 {
        per_append("encode and checksum", || {
            for _ in 0..APPENDS {
                buffer.clear();
                encode_record_into(&click, &mut buffer);
                std::hint::black_box(crc32c::crc32c(&buffer));
            }
        });
        per_append("Spool::append, one write(2) each", || {
            for _ in 0..APPENDS {
                spool.append(&click).unwrap();
            }
        });
        let mut file = File::create(folder.path().join("one")).unwrap();
        per_append("write(2) alone", || (0..APPENDS).for_each(|_| file.write_all(&buffer).unwrap()));
        let mut file = File::create(folder.path().join("grouped")).unwrap();
        let group = buffer.repeat(16);
        per_append("write(2) alone, 16 in a group", || (0..APPENDS / 16).for_each(|_| file.write_all(&group).unwrap()));
    }
}
