//! Sketches: how near they are, and their bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn met(verdict: Verdict, visitors: std::ops::Range<u64>) -> impl Iterator<Item = Met> {
    visitors.map(move |visitor| (verdict.code(), VisitorHash::of(&format!("{visitor:032x}"), 96)))
}

/// As good as hashes of keys, and quicker: SplitMix64.
fn drawn(verdict: Verdict, seeds: std::ops::Range<u64>) -> impl Iterator<Item = Met> {
    let mixed = |seed: u64| {
        let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        VisitorHash((bits ^ bits >> 31) >> 16)
    };
    seeds.map(move |seed| (verdict.code(), mixed(seed)))
}

#[test]
fn golden_bytes() {
    let one = Sketches::of(met(Verdict::Human, 7..8));
    assert_eq!(VisitorHash::of("a", 0), VisitorHash(0xd7fe_8b5c_4a50));
    let hash = VisitorHash::of(&format!("{:032x}", 7), 96).0.to_be_bytes();
    assert_eq!(one.encode(), [&[1, 0, 0], &hash[2..]].concat());
    assert_eq!(Sketches::default().encode(), [1]);
}

#[test]
fn few_visitors_cost_few_bytes() {
    let bytes = |visitors| Sketches::of(drawn(Verdict::Human, 0..visitors)).encode().len();
    assert_eq!([1, 10, 256, 257, 1_000, 100_000].map(bytes), [9, 63, 1_539, 1_538, 1_538, 1_538]);
}

/// Over 200 sets of each size: nearly none is further off than three standard errors, and the mean is not.
#[test]
fn estimates_are_within_three_standard_errors() {
    for visitors in [257_u64, 700, 2_000, 5_000, 9_000, 20_000] {
        let (mut squares, mut sum, mut off) = (0.0, 0.0, 0);
        for set in 0..200_u64 {
            let sketch = Sketches::of(drawn(Verdict::Bot, set << 32..(set << 32) + visitors));
            let error = (sketch.estimate(Verdict::Bot) as f64 - visitors as f64) / visitors as f64;
            squares += error * error;
            sum += error;
            off += u32::from(!is_near(sketch.estimate(Verdict::Bot), visitors));
        }
        let (deviation, mean) = ((squares / 200.0_f64).sqrt(), sum / 200.0);
        assert!(deviation < STANDARD_ERROR * 1.2 && mean.abs() < STANDARD_ERROR / 4.0 && off <= 3, "{visitors}: {deviation} {mean} {off}");
    }
}

#[test]
fn a_union_counts_each_visitor_once() {
    let (a, b) = (Sketches::of(met(Verdict::Human, 0..200)), Sketches::of(met(Verdict::Human, 100..300).chain(met(Verdict::Bot, 0..9))));
    let union = |verdicts: &[Verdict], of: &[&Sketches]| {
        let mut union = Union::default();
        of.iter().for_each(|sketches| union.add(sketches, verdicts));
        union.estimate()
    };
    assert_eq!((union(&[Verdict::Human], &[&a, &b]), union(&[Verdict::Bot], &[&a, &b])), (300, 9));
    // Who was a person on one link and a bot on the other is one visitor.
    assert_eq!(union(Verdict::ALL, &[&a, &b]), 300);
    let many = Sketches::of(met(Verdict::Human, 150..5_000));
    for order in [[&a, &b, &many], [&many, &b, &a], [&a, &many, &b]] {
        let found = union(&[Verdict::Human], &order);
        assert_eq!(found, Sketches::of(met(Verdict::Human, 0..5_000)).estimate(Verdict::Human));
        assert!(found.abs_diff(5_000) < 345, "{found}");
    }
}

#[test]
fn only_few_are_forgotten() {
    let mut few = Sketches::of(met(Verdict::Human, 0..256));
    assert!(met(Verdict::Human, 0..255).all(|met| few.forget(met)));
    assert_eq!(few, Sketches::of(met(Verdict::Human, 255..256)));
    assert!(met(Verdict::Human, 255..256).all(|met| few.forget(met)) && few.is_empty());
    let mut many = Sketches::of(met(Verdict::Human, 0..257));
    assert!(met(Verdict::Human, 0..1).any(|met| !many.forget(met)));
    // Of another verdict it can.
    assert!(met(Verdict::Bot, 0..1).all(|met| many.forget(met)));
}

#[test]
fn what_is_taken_and_added_again_changes_nothing() {
    let all: Vec<Met> = met(Verdict::Human, 0..3).collect();
    let mut change = SketchChange { added: vec![all[1], all[2], all[1]], taken: vec![all[0], all[1]] };
    change.settle();
    let mut left = vec![all[1], all[2]];
    left.sort_unstable();
    assert_eq!(change, SketchChange { added: left, taken: vec![all[0]] });
}

proptest! {
    #[test]
    fn bytes_are_read_as_they_were_written(visitors in prop::collection::vec((0_i16..4, 0_u64..400), 0..900)) {
        let all = || visitors.iter().map(|(verdict, visitor)| (*verdict, VisitorHash::of(&visitor.to_string(), 1)));
        let sketches = Sketches::of(all());
        prop_assert_eq!(&Sketches::decode(&sketches.encode()).unwrap(), &sketches);
        // In whatever order they come, and however often.
        let again: Vec<Met> = all().collect();
        prop_assert_eq!(&Sketches::of(again.iter().rev().chain(&again).copied()), &sketches);
        for verdict in Verdict::ALL {
            let exact = visitors.iter().filter(|(code, _)| *code == verdict.code()).collect::<BTreeSet<_>>().len() as u64;
            prop_assert!(exact > 256 || sketches.estimate(*verdict) == exact);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000), version in 0_u8..3) {
        for bytes in [bytes.clone(), [vec![version], bytes].concat()] {
            if let Ok(sketches) = Sketches::decode(&bytes) {
                prop_assert_eq!(sketches.encode(), bytes);
                for verdict in Verdict::ALL {
                    let _ = sketches.estimate(*verdict);
                }
            }
        }
    }

    #[test]
    fn cut_or_changed_bytes_do_no_harm(visitors in 0_u64..600, cut in 0_usize..1_700, byte: u8) {
        let mut bytes = Sketches::of(met(Verdict::Suspected, 0..visitors)).encode();
        if let Some(place) = bytes.get_mut(cut) {
            *place = byte;
        }
        drop(Sketches::decode(&bytes));
        bytes.truncate(cut);
        drop(Sketches::decode(&bytes));
    }
}
