//! Cells: their bytes, sums, what is taken out of them, and blocks that are full.

use proptest::prelude::*;

use super::*;

const COUNTRY: Block = Block(10);

fn clicks(clicks: i64) -> Count {
    Count { clicks, firsts: 0, told: clicks }
}

fn entry(block: Block, value: u64, verdict: Verdict, count: Count) -> Entry {
    Entry { block, key: Key::new(value, verdict.code()), count }
}

fn cell(entries: &[Entry]) -> Cell {
    let mut cell = Cell::default();
    cell.apply(&Cell::sum(entries.to_vec())).unwrap();
    cell
}

#[test]
fn golden_bytes() {
    let cell = cell(&[
        entry(Block::TOTALS, 0, Verdict::Human, Count { clicks: 3, firsts: 1, told: 2 }),
        entry(Block::TOTALS, 0, Verdict::Bot, clicks(300)),
        entry(COUNTRY, 7, Verdict::Human, clicks(2)),
        entry(COUNTRY, 9, Verdict::Bot, clicks(300)),
    ]);
    #[rustfmt::skip]
    let bytes = [
        2, 2, 0, 8, 10, 6,
        2, 0, 3 << 2 | 3, 1, 1, 2, 0xb0, 9,
        2, 28, 2 << 2, 10, 0xb0, 9,
    ];
    assert_eq!(cell.encode(), bytes);
    assert_eq!(Cell::decode(&bytes), Ok(cell));
}

#[test]
fn the_first_version_is_read() {
    let bytes = [1, 2, 0, 10, 1, 5, 2, 0, 0, 3, 1, 0, 2, 0xac, 2, 0, 1, 0, 0, 2, 0];
    let read = Cell::decode(&bytes).unwrap();
    let untold = Count { clicks: 300, firsts: 0, told: 0 };
    let human = Count { clicks: 3, firsts: 1, told: 2 };
    assert_eq!(read, cell(&[entry(Block::TOTALS, 0, Verdict::Human, human), entry(Block::TOTALS, 0, Verdict::Bot, untold)]));
}

#[test]
fn blocks_can_be_read_alone_and_from_the_beginning_of_the_bytes() {
    let whole = cell(&[
        entry(Block::TOTALS, 0, Verdict::Human, clicks(5)),
        entry(COUNTRY, 7, Verdict::Human, clicks(5)),
        entry(Block(11), 8, Verdict::Human, clicks(5)),
    ]);
    let bytes = whole.encode();
    let totals = |bytes: &[u8]| Cell::decode_some(bytes, |block| block == Block::TOTALS);
    assert_eq!(totals(&bytes).unwrap().entries().len(), 1);
    assert_eq!(totals(&bytes[..bytes.len() - 6]), totals(&bytes));
    assert_eq!(totals(&bytes[..9]), Err(CellError::Malformed));
    assert_eq!(Cell::decode(&bytes[..bytes.len() - 1]), Err(CellError::Malformed));
    let regions = Cell::decode_some(&bytes, |block| block == Block(11)).unwrap();
    assert_eq!(regions.entries(), whole.block(Block(11)));
}

#[test]
fn what_is_taken_must_be_there_and_leaves_nothing_behind() {
    let count = Count { clicks: 3, firsts: 1, told: 2 };
    let mut one = cell(&[entry(Block::TOTALS, 0, Verdict::Human, count), entry(Block::TOTALS, 0, Verdict::Bot, clicks(1))]);
    let taken = Cell::sum(vec![entry(Block::TOTALS, 0, Verdict::Human, count.minus())]);
    one.apply(&taken).unwrap();
    assert_eq!(one, cell(&[entry(Block::TOTALS, 0, Verdict::Bot, clicks(1))]));
    let before = one.clone();
    assert_eq!(one.apply(&taken), Err(CellError::TooFew));
    assert_eq!(one, before);
}

#[test]
fn a_full_block_counts_others_together_and_gives_them_back() {
    let many: Vec<Entry> = (0..1_200).map(|value| entry(COUNTRY, value + 2, Verdict::Human, clicks(1))).collect();
    let mut full = cell(&many);
    assert!(full.is_capped(COUNTRY) && !full.is_capped(Block::TOTALS));
    assert_eq!(full.block(COUNTRY).len(), 1_001);
    assert_eq!(full.block(COUNTRY)[0], entry(COUNTRY, OTHER, Verdict::Human, clicks(200)));
    // What has a place counts there, what has none with the others.
    full.apply(&Cell::sum(vec![entry(COUNTRY, 2, Verdict::Human, clicks(1)), entry(COUNTRY, 5_000, Verdict::Human, clicks(1))])).unwrap();
    assert_eq!(full.block(COUNTRY)[0].count, clicks(201));
    full.apply(&Cell::sum(many.iter().map(|entry| Entry { count: entry.count.minus(), ..*entry }).collect())).unwrap();
    assert_eq!(full.block(COUNTRY), [entry(COUNTRY, OTHER, Verdict::Human, clicks(1)), entry(COUNTRY, 2, Verdict::Human, clicks(1))]);
}

#[test]
fn a_link_is_taken_out_of_the_workspaces_cell() {
    let own = cell(&[entry(Block::TOTALS, 0, Verdict::Human, clicks(2)), entry(COUNTRY, 7, Verdict::Human, clicks(2))]);
    let mut whole = cell(&[
        entry(Block::TOTALS, 0, Verdict::Human, clicks(5)),
        entry(COUNTRY, 7, Verdict::Human, clicks(5)),
        entry(crate::rollup::LINK, 9, Verdict::Human, clicks(2)),
    ]);
    let mut named = own.clone();
    named.name_link(9);
    whole.take_what_is_there(&named);
    assert_eq!(whole, cell(&[entry(Block::TOTALS, 0, Verdict::Human, clicks(3)), entry(COUNTRY, 7, Verdict::Human, clicks(3))]));
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (0_u32..3, 0_u64..9, 0_usize..4, 0_i64..1 << 40, 0_i64..1 << 20, 0_i64..1 << 20).prop_map(
        |(block, value, verdict, clicks, firsts, untold)| {
            let count = Count { clicks, firsts: firsts.min(clicks), told: clicks - untold.min(clicks) };
            entry(Block(block * 10), value, Verdict::ALL[verdict], count)
        },
    );
    proptest::collection::vec(one, 0..20)
}

/// One byte changed, put in or taken out, or all from there on.
fn damages() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    proptest::collection::vec((any::<usize>(), any::<u8>(), 0_u8..4), 1..4)
}

fn damage(bytes: &mut Vec<u8>, damages: &[(usize, u8, u8)]) {
    for (place, byte, kind) in damages {
        let place = place % (bytes.len() + 1);
        match kind {
            0 => bytes.insert(place, *byte),
            1 => bytes.truncate(place),
            _ if place == bytes.len() => bytes.push(*byte),
            2 => bytes[place] = *byte,
            _ => drop(bytes.remove(place)),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64), version in 1_u8..3) {
        let _ = Cell::decode(&bytes);
        // What is read is written as it was, in the version of now.
        let bytes = [&[version], bytes.as_slice()].concat();
        if let Ok(cell) = Cell::decode(&bytes) {
            prop_assert_eq!(Cell::decode(&cell.encode()), Ok(cell));
        }
    }

    #[test]
    fn damaged_cells_are_read_or_refused(a in entries(), damages in damages(), wanted in 0_u32..3) {
        let mut bytes = cell(&a).encode();
        damage(&mut bytes, &damages);
        let wanted = |block: Block| block.0 == wanted * 10;
        if let Ok(cell) = Cell::decode(&bytes) {
            prop_assert_eq!(Cell::decode(&cell.encode()), Ok(cell.clone()));
            let some: Vec<Entry> = cell.entries().iter().filter(|entry| wanted(entry.block)).copied().collect();
            prop_assert_eq!(Cell::decode_some(&bytes, wanted).map(Cell::into_entries), Ok(some));
            let _ = Cell::default().apply(&cell);
        }
        let _ = Cell::decode_some(&bytes, wanted);
    }

    #[test]
    fn adding_and_taking_are_exact(a in entries(), b in entries()) {
        let (one, other) = (cell(&a), cell(&b));
        let mut sum = one.clone();
        sum.apply(&other).unwrap();
        prop_assert_eq!(&sum, &cell(&[a, b.clone()].concat()));
        prop_assert_eq!(Cell::decode(&sum.encode()), Ok(sum.clone()));
        sum.apply(&Cell::sum(b.into_iter().map(|entry| Entry { count: entry.count.minus(), ..entry }).collect())).unwrap();
        prop_assert_eq!(sum, one);
    }
}
