//! Segment files: `<offset of the first record, 16 hex digits>.seg`.
//!
//! ```text
//! header, 32 bytes: "LLSPOOL\0", version u32, 4 bytes zero, spool id u64, base offset u64
//! record: length of the payload u32, CRC-32C u32 over shard and payload, shard u8, payload
//! ```
//! Numbers are little-endian. A record's offset is the base offset plus its place after the header.
//! Behind the last record may be zeros, allocated for the next ones.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use domain::Shard;

use super::MAX_RECORD;

pub(super) const HEADER: u64 = 32;
/// Length, CRC and shard in front of a payload.
pub(super) const PREFIX: usize = 9;
const MAGIC: &[u8; 8] = b"LLSPOOL\0";
const VERSION: u32 = 1;
const EXTENSION: &str = "seg";
/// So many damaged records in a row are believed their lengths.
const MOST_NEIGHBOURS: usize = 64;

pub(super) fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:016x}.{EXTENSION}"))
}

/// The base offsets of all segments of a folder, in order.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut bases = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION)
            && let Some(base) = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| u64::from_str_radix(stem, 16).ok())
        {
            bases.push(base);
        }
    }
    bases.sort_unstable();
    Ok(bases)
}

/// How many bytes a segment's file has up to where the next one begins: behind that may be room that was not needed.
pub(super) fn size(dir: &Path, base: u64, next: Option<u64>) -> io::Result<u64> {
    let length = std::fs::metadata(path(dir, base))?.len();
    Ok(next.map_or(length, |next| length.min(HEADER + next.saturating_sub(base))))
}

pub(super) fn header(spool: u64, base: u64) -> [u8; HEADER as usize] {
    let mut bytes = [0; HEADER as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&spool.to_le_bytes());
    bytes[24..32].copy_from_slice(&base.to_le_bytes());
    bytes
}

/// Whether a file begins as a segment with that base.
pub(super) fn has_header(file: &File, base: u64) -> bool {
    let mut bytes = [0; HEADER as usize];
    file.read_exact_at(&mut bytes, 0).is_ok()
        && &bytes[..8] == MAGIC
        && bytes[8..12] == VERSION.to_le_bytes()
        && bytes[24..] == base.to_le_bytes()
}

/// What stands at the beginning of some bytes of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A sound record with a payload of this length.
    Record { shard: u8, length: usize },
    /// A record of this length whose content does not fit its checksum.
    Damaged { length: usize },
    /// The bytes end before the record does.
    Short,
    /// No record can begin like this.
    Nonsense,
}

pub(super) fn look(bytes: &[u8]) -> Found {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else { return Found::Short };
    let [l0, l1, l2, l3, c0, c1, c2, c3, shard] = *prefix;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length == 0 || length > MAX_RECORD {
        return Found::Nonsense;
    }
    let Some(payload) = rest.get(..length) else { return Found::Short };
    if checksum(shard, payload) == u32::from_le_bytes([c0, c1, c2, c3]) {
        Found::Record { shard, length }
    } else {
        Found::Damaged { length }
    }
}

/// What stands at the beginning of bytes that go on to the end of what was written to a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A sound record with a payload of this length.
    Record { shard: Shard, length: usize },
    /// As many bytes as lie before the next sound record, or all.
    Damage { bytes: usize },
}

/// One record or damaged place on; `None` at the end.
///
/// A damaged record is passed by its length where that leads, over others of its kind, to a sound one or to
/// the end; otherwise its length may be what is damaged, and the next sound record is looked for byte by byte.
pub(super) fn step(bytes: &[u8]) -> Option<Step> {
    let exact = match look(bytes) {
        Found::Short if bytes.is_empty() => return None,
        Found::Record { shard, length } => match Shard::from_index(shard) {
            Some(shard) => return Some(Step::Record { shard, length }),
            None => Some(PREFIX + length),
        },
        Found::Damaged { length } => Some(PREFIX + length).filter(|end| leads_on(&bytes[*end..])),
        Found::Short | Found::Nonsense => None,
    };
    let next = || (1..bytes.len()).find(|at| is_sound(&bytes[*at..])).unwrap_or(bytes.len());
    Some(Step::Damage { bytes: exact.unwrap_or_else(next) })
}

/// Whether lengths lead from here to a sound record or to the end.
fn leads_on(mut bytes: &[u8]) -> bool {
    for _ in 0..MOST_NEIGHBOURS {
        match look(bytes) {
            Found::Short => return bytes.is_empty(),
            Found::Record { .. } => return is_sound(bytes),
            Found::Damaged { length } => bytes = &bytes[PREFIX + length..],
            Found::Nonsense => return false,
        }
    }
    true
}

/// What follows the last sound record of the last segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing, or room for records that did not come.
    Room,
    /// One record that was being written, of so many bytes: nobody was told that it was taken down.
    Torn(usize),
    /// More than one record, or a whole one without room behind it, of so many bytes.
    Damaged(usize),
}

pub(super) fn tail(bytes: &[u8]) -> Tail {
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match look(bytes) {
        _ if written == 0 => Tail::Room,
        Found::Damaged { length } if written <= PREFIX + length && PREFIX + length < bytes.len() => Tail::Torn(written),
        Found::Short if bytes.len() < PREFIX + MAX_RECORD => Tail::Torn(written),
        _ => Tail::Damaged(written),
    }
}

/// Whether a record begins here that can be decoded as well: nothing else is taken for one where its place
/// is not known from the record before.
fn is_sound(bytes: &[u8]) -> bool {
    let Found::Record { shard, length } = look(bytes) else { return false };
    Shard::from_index(shard).is_some() && crate::decode_captured(&bytes[PREFIX..PREFIX + length]).is_ok()
}

/// Whether these bytes are room for records that did not come.
pub(super) fn is_room(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

pub(super) fn checksum(shard: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[shard]), payload)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use domain::{Address, CapturedClick, ClickId, LinkId, Method, Outcome, Signals, WorkspaceId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn record(url: usize) -> Vec<u8> {
        let click = CapturedClick {
            id: ClickId(Uuid::from_u128(1)),
            workspace: WorkspaceId(Uuid::from_u128(2)),
            link: LinkId(Uuid::from_u128(3)),
            link_version: 1,
            outcome: Outcome::Redirected,
            status: 302,
            method: Method::Get,
            url: "u".repeat(url),
            target: String::new(),
            address: Address::Unknown,
            user_agent: None,
            referrer: None,
            accept_language: None,
            redirect_micros: 0,
            rule: None,
            above_rate: false,
            signals: Signals::default(),
            judged: None,
        };
        let (payload, shard) = (crate::encode_record(&click), Shard::of(click.workspace).index());
        let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
        bytes.extend(checksum(shard, &payload).to_le_bytes());
        bytes.push(shard);
        bytes.extend(payload);
        bytes
    }

    /// Where records were found and where damage, which together is everywhere.
    fn walk(bytes: &[u8]) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
        let (mut records, mut damage, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(step) = step(&bytes[at..]) {
            let (found, length) = match step {
                Step::Record { length, .. } => (&mut records, PREFIX + length),
                Step::Damage { bytes } => (&mut damage, bytes),
            };
            assert!(length > 0, "no step at {at}");
            found.push(at..at + length);
            at += length;
        }
        assert_eq!(at, bytes.len());
        (records, damage)
    }

    proptest! {
        #[test]
        fn any_bytes_are_passed_to_their_end(bytes in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..400)) {
            walk(&bytes);
        }

        #[test]
        fn damage_costs_no_record_that_it_does_not_cover(
            urls in proptest::collection::vec(0_usize..300, 1..8),
            victim in any::<prop::sample::Index>(),
            from in any::<prop::sample::Index>(),
            noise in proptest::collection::vec(1_u8.., 1..40),
        ) {
            let (mut bytes, mut places) = (Vec::new(), Vec::new());
            for url in urls {
                let begin = bytes.len();
                bytes.extend(record(url));
                places.push(begin..bytes.len());
            }
            prop_assert_eq!(walk(&bytes), (places.clone(), Vec::new()));
            let hit = places.remove(victim.index(places.len()));
            let at = hit.start + from.index(hit.len());
            for (byte, noise) in bytes[at..hit.end].iter_mut().zip(noise) {
                *byte ^= noise;
            }
            // A wrong length that ends where a later record does cannot be told from damage up to there.
            let length = u32::from_le_bytes(bytes[hit.start..hit.start + 4].try_into().unwrap()) as usize;
            let end = hit.start + PREFIX + length;
            prop_assume!(end == hit.end || places.iter().all(|place| place.start != end && place.end != end));
            prop_assert_eq!(walk(&bytes), (places, vec![hit]));
        }

        #[test]
        fn a_record_that_was_cut_is_torn_and_none_before_it(kept in 0_usize..5, cut in any::<prop::sample::Index>(), room in any::<bool>()) {
            let whole = record(40);
            let mut bytes = whole.repeat(kept);
            let sound = bytes.len();
            let part = &whole[..1 + cut.index(whole.len() - 1)];
            bytes.extend(part);
            if room {
                bytes.resize(sound + 2 * whole.len(), 0);
            }
            prop_assert_eq!(walk(&bytes).0.len(), kept);
            let written = part.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            prop_assert_eq!(tail(&bytes[sound..]), Tail::Torn(written));
        }
    }
}
