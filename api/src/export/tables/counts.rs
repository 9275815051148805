//! Counts as they are kept: of quarter-hours, which outlive the clicks that they were made of; and what could
//! not be counted.

use domain::{LossReason, Millis};
use store::{CellRow, LostClicks};

use super::{Table, at, columns, verdict};

const MINUTE_MILLIS: i64 = 60_000;

pub(in crate::export) const COUNTS: Table<CellRow> = Table {
    name: "counts",
    about: "clicks that were sent on, by quarter-hour and verdict; also of clicks that are no longer kept",
    columns: columns! { CellRow;
        "from", "the quarter-hour's first instant", |c| at(c.quarter.start());
        "to", "the first instant after it", |c| at(c.quarter.start().plus(domain::Quarter::MILLIS));
        "linkId", "the link, see links; none in the rows of the whole workspace, which are sums of no others", |c| c.link.map(|link| link.to_string()).into();
        "verdict", "who it was: HUMAN, SUSPECTED, BOT or INTERNAL", |c| verdict(c.verdict).into();
        "clicks", "how many", |c| c.clicks.into();
        "dailyUniques", "of these, the first of their visitor's day, on the link or in the workspace", |c| c.firsts.into();
        "withVisitor", "of these, those whose visitor was told from others", |c| c.told.into();
    },
};

pub(in crate::export) const LOSSES: Table<LostClicks> = Table {
    name: "losses",
    about: "clicks that were answered and could not be kept, by the hour misses that were not (MISS), and deliveries of clicks that were stored before (DUPLICATE); they are in no count",
    columns: columns! { LostClicks;
        "minute", "the minute's beginning", |l| at(Millis(l.minute.saturating_mul(MINUTE_MILLIS)));
        "reason", "why they could not be kept or, DUPLICATE, are stored once only", |l| l.reason.label().to_uppercase().into();
        "clicks", "how many", |l| l.count.into();
        "upperBound", "whether at most so many, since some of them may have been counted", |l| LossReason::is_upper_bound(l.reason).into();
    },
};
