//! Plans: which pieces are read of a range.

use super::*;

const Q: i64 = Quarter::MILLIS;

fn between(from: Option<i64>, to: Option<i64>) -> ClickFilter {
    ClickFilter { from: from.map(Millis), to: to.map(Millis), ..ClickFilter::default() }
}

fn horizon(zone: &str) -> Horizon {
    Horizon { zone: TimeZone::get(zone).unwrap(), since: 0, folded_before: 0, kept_from: Millis(0) }
}

fn range(grain: Grain, first: Option<i64>, end: Option<i64>) -> CellRange {
    CellRange { grain, first, end }
}

fn plan(kept: Kept, from: Option<i64>, to: Option<i64>) -> Plan {
    Plan::of(&between(from, to), kept, Pieces::Any, &horizon("UTC"))
}

#[test]
fn only_what_is_no_whole_quarter_is_read_from_clicks() {
    for (from, to, clicks, cells) in [
        (Some(Q), Some(3 * Q), vec![], vec![range(Grain::Quarter, Some(1), Some(3))]),
        (Some(Q + 1), Some(3 * Q + 2), vec![(Q + 1, 2 * Q), (3 * Q, 3 * Q + 2)], vec![range(Grain::Quarter, Some(2), Some(3))]),
        (Some(Q + 1), Some(2 * Q), vec![(Q + 1, 2 * Q)], vec![]),
        (Some(Q + 1), Some(2 * Q + 5), vec![(Q + 1, 2 * Q + 5)], vec![]),
        (None, None, vec![], vec![range(Grain::Day, None, None)]),
    ] {
        let plan = plan(Kept::Totals, from, to);
        let wanted: Vec<_> = clicks.into_iter().map(|(from, to)| between(Some(from), Some(to))).collect();
        assert_eq!((plan.clicks, plan.cells), (wanted, cells), "{from:?} {to:?}");
    }
}

#[test]
fn whole_days_are_read_as_days() {
    let plan = plan(Kept::Dimension, Some(90 * Q + 1), Some((96 * 3 + 6) * Q));
    assert_eq!(
        plan.cells,
        [
            range(Grain::Day, Some(96), Some(96 * 3)),
            range(Grain::Fine, Some(92), Some(96)),
            range(Grain::Fine, Some(96 * 3), Some(96 * 3 + 4))
        ]
    );
    let clicks = [(90 * Q + 1, 91 * Q), (91 * Q, 92 * Q), ((96 * 3 + 4) * Q, (96 * 3 + 6) * Q)];
    assert_eq!(plan.clicks, clicks.map(|(from, to)| between(Some(from), Some(to))));
}

#[test]
fn days_and_hours_are_those_of_the_zones_clock() {
    // Midnight in Kathmandu is 18:15 UTC.
    let first = 96 * 20_500 + 73;
    let end = first + 96 * 2;
    let horizon = horizon("Asia/Kathmandu");
    let plan = Plan::of(&between(Some(first * Q), Some((end + 5) * Q)), Kept::Dimension, Pieces::Any, &horizon);
    assert_eq!(plan.cells, [range(Grain::Day, Some(first), Some(end)), range(Grain::Fine, Some(end), Some(end + 4))]);
    assert_eq!(plan.clicks, [between(Some((end + 4) * Q), Some((end + 5) * Q))]);
}

#[test]
fn what_is_folded_or_was_never_in_cells_is_read_from_clicks() {
    let mut horizon = horizon("UTC");
    horizon.since = 96 * 2;
    let plan = Plan::of(&between(None, Some(96 * 4 * Q)), Kept::Dimension, Pieces::Any, &horizon);
    assert_eq!((plan.cells, plan.clicks), (vec![range(Grain::Day, Some(192), Some(384))], vec![between(None, Some(192 * Q))]));
    horizon.since = i64::MAX;
    let filter = between(None, None);
    assert_eq!(Plan::of(&filter, Kept::Dimension, Pieces::Any, &horizon), Plan::of_clicks(filter.clone()));
    assert_eq!(Plan::of(&filter, Kept::Totals, Pieces::Any, &horizon).cells, [range(Grain::Quarter, None, None)]);
    horizon = Horizon { since: 0, folded_before: 96 * 3, ..horizon };
    let plan = Plan::of(&between(Some(100 * Q), Some(400 * Q)), Kept::Dimension, Pieces::Fine, &horizon);
    assert_eq!((plan.cells, plan.clicks), (vec![range(Grain::Fine, Some(288), Some(400))], vec![between(Some(100 * Q), Some(288 * Q))]));
}

#[test]
fn no_piece_lies_in_two_points() {
    let horizon = horizon("Asia/Kolkata");
    let spans = |from: i64, width: i64| -> Vec<BucketSpan> {
        (0..3).map(|at| BucketSpan { start: Millis((from + at * width) * Q), end: Millis((from + (at + 1) * width) * Q) }).collect()
    };
    // Midnight in Kolkata is 18:30 UTC.
    for (spans, dimension, totals) in [
        (spans(74, 96), Pieces::Any, Pieces::Any),
        (spans(78, 4), Pieces::Fine, Pieces::Fine),
        (spans(76, 4), Pieces::None, Pieces::Fine),
        (spans(0, 96), Pieces::None, Pieces::Fine),
    ] {
        assert_eq!(Pieces::within(&spans, Kept::Dimension, &horizon), dimension, "{spans:?}");
        assert_eq!(Pieces::within(&spans, Kept::Totals, &horizon), totals, "{spans:?}");
    }
}
