//! When the clicks of the past were: by the rhythm of day and week, slowly more, and here and
//! there a link that went round for a day.

use domain::Millis;
use jiff::tz::TimeZone;

use super::links::{self, DemoLink};
use super::rhythm;
use super::visit::Visitors;

pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 24 * HOUR;
const SLOT: i64 = HOUR / 4;
/// Clicks on a day of now, without bursts. With [`GROWTH_DAYS`] 90 days are about 97,000 clicks: so
/// many that an hour of the live traffic does not dwarf them, and they are made in seconds.
const PER_DAY: f64 = 1_460.0;
/// So many days ago it was less by a factor of e.
const GROWTH_DAYS: f64 = 130.0;
/// One burst in so many days.
const BURST_EVERY: i64 = 30 * DAY;
/// How long a burst lasts on average, in milliseconds.
const BURST_FADES: f64 = 2.5 * HOUR as f64;

/// A click to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub at: Millis,
    /// What went round; else the visitor chooses.
    pub link: Option<&'static DemoLink>,
}

/// A range of the past: the first instant, the first instant after it, and when now is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Past {
    pub from: Millis,
    pub to: Millis,
    pub now: Millis,
    /// Clicks a day at the live traffic's rate, which the last hour has, if that is more: so what is
    /// live goes on from the past without a step.
    pub live_per_day: u32,
}

impl Past {
    /// Begun ones count.
    pub fn days(&self) -> i64 {
        (self.length() + DAY - 1) / DAY
    }

    fn length(&self) -> i64 {
        self.to.0.saturating_sub(self.from.0)
    }

    /// How far the growth had come at this time; 1 is now.
    fn growth(&self, at: Millis) -> f64 {
        ((at.0 - self.now.0) as f64 / DAY as f64 / GROWTH_DAYS).exp()
    }

    /// All clicks of this range, newest first.
    pub fn moments(&self, visitors: &Visitors) -> Vec<Moment> {
        let mut all = self.everyday(visitors);
        for part in 0..self.length() / BURST_EVERY {
            all.extend(self.burst(self.from.plus(part * BURST_EVERY), visitors));
        }
        all.sort_by_key(|moment| std::cmp::Reverse(moment.at));
        all
    }

    /// As many clicks as the slots of this range expect, thrown at them by what each expects.
    fn everyday(&self, visitors: &Visitors) -> Vec<Moment> {
        let (mut sum, mut slots) = (0.0, Vec::new());
        let mut start = self.from;
        while start < self.to {
            let end = start.plus(SLOT).min(self.to);
            let per_day = if start.plus(HOUR) < self.now { PER_DAY } else { PER_DAY.max(self.live_per_day.into()) };
            sum += per_day * (end.0 - start.0) as f64 / DAY as f64 * visitors.busy(start) * self.growth(start);
            slots.push((start, end, sum));
            start = end;
        }
        let one = |_| {
            let place = rhythm::even(&visitors.rng) * sum;
            let (start, end, _) = slots.get(slots.partition_point(|(.., until)| *until < place))?;
            let offset = visitors.rng.below((end.0 - start.0).unsigned_abs());
            Some(Moment { at: start.plus(i64::try_from(offset).unwrap_or_default()), link: None })
        };
        (0..sum.round() as u64).filter_map(one).collect()
    }

    /// A link posted on some morning of the days from `from` on, forgotten the same evening.
    fn burst(&self, from: Millis, visitors: &Visitors) -> Vec<Moment> {
        let rng = &visitors.rng;
        let some = |below: i64| i64::try_from(rng.below(below.unsigned_abs())).unwrap_or_default();
        let midnight = midnight(from.plus(some(BURST_EVERY - DAY) + DAY));
        let posted = midnight.plus(7 * HOUR + some(4 * HOUR));
        let link = Some(links::pick(rng));
        let count = PER_DAY * self.growth(posted) * (0.9 + 0.8 * rhythm::even(rng));
        let one = |_| Moment { at: posted.plus((BURST_FADES * rhythm::exponential(rng)) as i64), link };
        let end = midnight.plus(DAY).min(self.to);
        (0..count as u64).map(one).filter(|moment| moment.at >= self.from && moment.at < end).collect()
    }
}

/// The beginning of this time's day in UTC.
fn midnight(at: Millis) -> Millis {
    at.timestamp().to_zoned_datetime(TimeZone::UTC).start_of_day().map_or(at, |start| Millis::from_timestamp(start.timestamp()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::visit::seeded;
    use super::*;

    /// Ends on a Wednesday.
    fn past(days: i64) -> Past {
        let now = Millis::from_timestamp("2026-03-11T12:34:56Z".parse().unwrap());
        Past { from: now.plus(-days * DAY), to: now, now, live_per_day: 0 }
    }

    fn by_day(moments: &[Moment]) -> BTreeMap<Millis, usize> {
        let mut days = BTreeMap::new();
        moments.iter().for_each(|moment| *days.entry(midnight(moment.at)).or_default() += 1);
        days
    }

    #[test]
    fn ninety_days_are_about_100000_clicks_within_them_newest_first() {
        for seed in 0..3 {
            let moments = past(90).moments(&seeded(seed));
            assert!((94_000..108_000).contains(&moments.len()), "{}", moments.len());
            assert!(moments.iter().all(|moment| moment.at >= past(90).from && moment.at < past(90).to));
            assert!(moments.is_sorted_by_key(|moment| std::cmp::Reverse(moment.at)));
            assert_eq!(by_day(&moments).len(), 91, "a day without clicks");
        }
        assert!((6_000..8_400).contains(&past(5).moments(&seeded(1)).len()));
    }

    #[test]
    fn the_last_hour_is_as_lively_as_what_follows() {
        let now = past(2).now;
        let recent = |live_per_day| {
            let moments = Past { live_per_day, ..past(2) }.moments(&seeded(1));
            moments.iter().filter(|moment| moment.at >= now.plus(-HOUR)).count()
        };
        assert!((60..250).contains(&recent(0)), "{}", recent(0));
        assert!((1_500..4_500).contains(&recent(40_000)), "{}", recent(40_000));
    }

    #[test]
    fn weekends_are_quieter_and_it_grows() {
        let everyday = by_day(&past(90).everyday(&seeded(5)));
        let mean = |wanted: &dyn Fn(&Millis) -> bool| {
            let days: Vec<usize> = everyday.iter().filter(|(day, _)| wanted(day)).map(|(_, count)| *count).collect();
            days.iter().sum::<usize>() as f64 / days.len() as f64
        };
        let weekend = |day: &Millis| day.timestamp().to_zoned_datetime(TimeZone::UTC).weekday().to_monday_zero_offset() > 4;
        assert!(mean(&weekend) < 0.75 * mean(&|day| !weekend(day)));
        let middle = past(45).from;
        assert!(mean(&|day| *day > middle) > 1.2 * mean(&|day| *day < middle));
    }

    #[test]
    fn bursts_are_of_one_link_and_one_day_each() {
        for seed in 0..5 {
            let burst: Vec<Moment> = past(90).moments(&seeded(seed)).into_iter().filter(|moment| moment.link.is_some()).collect();
            let days = by_day(&burst);
            assert_eq!(days.len(), 3);
            assert!(days.values().all(|count| *count > 400), "{days:?}");
            let links: std::collections::BTreeSet<_> =
                burst.iter().filter_map(|moment| Some((midnight(moment.at), moment.link?.slug))).collect();
            assert_eq!(links.len(), 3);
        }
    }

    #[test]
    fn a_seed_repeats_it() {
        assert_eq!(past(10).moments(&seeded(7)), past(10).moments(&seeded(7)));
        assert_ne!(past(10).moments(&seeded(7)), past(10).moments(&seeded(8)));
    }
}
