//! Tells since when the broker's files were not tidied: addresses of visitors are in them for as long.
//!
//! It is told of only after a round that did not do it, since nobody knows of a broker that is away whether
//! there is anything to be tidied; that it is away is told by whoever sends to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use platform::{Clock, Health, Metrics};
use prometheus_client::metrics::gauge::Gauge;

/// How long after its ack a click may be in the files, in milliseconds.
const LATEST: i64 = 15 * 60_000;
const KEY: &str = "stream_tidied";

/// Why a round did nothing. The text is for operators.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hindrance<'a> {
    /// An earlier click waits for a worker.
    Waits,
    Refused(&'a str),
    /// Another process has tried.
    Unknown,
}

impl Hindrance<'_> {
    fn text(self) -> String {
        const WORKERS: &str = "see whether workers run, and what they log";
        const RIGHT: &str = "give the redirector's user of NATS the right to publish to $JS.API.STREAM.PURGE.CLICKS, \
                             and the stream CLICKS 3 MiB of room";
        let what = match self {
            Self::Waits => format!("An earlier click is not stored yet: {WORKERS}."),
            Self::Refused(error) => format!("{error}. Where NATS runs, {RIGHT}."),
            Self::Unknown => format!("Where NATS runs, {RIGHT}; where it has that, {WORKERS}."),
        };
        format!("Addresses of visitors have been in NATS's files for over 15 minutes after their clicks were stored. {what}")
    }
}

/// Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Tidied {
    /// When all that could be was last out of the files; 0 while that is not known.
    at: Arc<AtomicI64>,
    /// Of what was before, a process that just began has had no chance to know.
    began: i64,
    clock: Clock,
    seconds: Gauge,
    health: Health,
}

impl Tidied {
    pub fn new(clock: &Clock, health: &Health, metrics: &Metrics) -> Self {
        let help = "When the files of NATS were last without clicks that were stored, in Unix time; 0 until that is known";
        let seconds = metrics.register("stream_tidied_timestamp_seconds", help, Gauge::default());
        Self { at: Arc::default(), began: clock.now().0, clock: clock.clone(), seconds, health: health.clone() }
    }

    pub fn at(&self) -> i64 {
        self.at.load(Ordering::Acquire)
    }

    /// Some process has tidied them then, or there was nothing to be tidied.
    pub fn was(&self, at: i64) {
        // Another's clock may be ahead of this one.
        let at = at.min(self.clock.now().0);
        let latest = self.at.fetch_max(at, Ordering::AcqRel).max(at);
        self.seconds.set(latest.div_euclid(1_000));
    }

    /// After a round: warns where they should have been tidied long ago, or takes that back.
    pub fn tell(&self, hindrance: Hindrance<'_>) {
        if self.clock.now().0 - self.at().max(self.began) <= LATEST {
            self.health.settle(KEY);
            return;
        }
        let text = hindrance.text();
        if self.health.warn(KEY, text.clone()) {
            tracing::warn!("{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Millis;

    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn it_warns_after_a_quarter_of_an_hour_until_they_are_tidied() {
        let (clock, health, metrics) = (Clock::manual(Millis(1_772_366_400_000)), Health::default(), Metrics::default());
        let tidied = Tidied::new(&clock, &health, &metrics);
        let shown = |seconds: i64| metrics.encode().contains(&format!("linklogger_stream_tidied_timestamp_seconds {seconds}\n"));
        let told = |hindrance: Hindrance<'_>| {
            tidied.tell(hindrance);
            health.snapshot().warnings
        };
        assert!(shown(0));
        // What another process did long ago is nothing that this one could have mended yet.
        tidied.was(clock.now().0 - 60 * MINUTE);
        assert!(shown(1_772_362_800));
        clock.advance(15 * MINUTE);
        assert!(told(Hindrance::Waits).is_empty());
        clock.advance(1);
        assert!(told(Hindrance::Waits)[0].contains("workers"));
        assert!(told(Hindrance::Refused("No"))[0].contains("No. Where NATS runs, give"));
        let both = told(Hindrance::Unknown);
        assert!(both.len() == 1 && both[0].contains("PURGE.CLICKS") && both[0].contains("workers"), "{both:?}");
        tidied.was(clock.now().0 + MINUTE);
        assert!(told(Hindrance::Unknown).is_empty() && shown(1_772_367_300));
        clock.advance(16 * MINUTE);
        assert_eq!(told(Hindrance::Waits).len(), 1, "by this one's clock");
    }
}
