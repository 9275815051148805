//! Room for a listener's connections, and what is told when there is none: a listener that takes no
//! more looks to visitors like one that is slow, so that somebody has to say why.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::files::{connections_of, files_advice, is_out_of_files};
use crate::{Health, Metrics, Throttle};

/// The pause after a connection could not be accepted: what is missing is missing for the next one too.
const PAUSE: Duration = Duration::from_millis(20);
const FULL: &str = "All connections that the limit of open files leaves to a listener were open, and others had to wait. \
                    Raise the limit (LimitNOFILE= of a systemd unit, or ulimit -n) and start the process again.";

type Labels = Vec<(&'static str, &'static str)>;

/// What the listeners of a process tell of connections that had to wait. Clones share it.
#[derive(Clone, Debug)]
pub struct Refusals {
    health: Health,
    throttle: Throttle,
    counts: Family<Labels, Counter>,
}

/// Why a connection was not taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// No file could be opened for it.
    Files,
    /// The listener has as many as it may.
    Room,
    Other,
}

impl Reason {
    const ALL: [Self; 3] = [Self::Files, Self::Room, Self::Other];

    fn labels(self) -> Labels {
        let label = match self {
            Self::Files => "files",
            Self::Room => "room",
            Self::Other => "other",
        };
        vec![("reason", label)]
    }
}

impl Refusals {
    pub fn new(health: &Health, metrics: &Metrics) -> Self {
        let counts = Family::<Labels, Counter>::default();
        for reason in Reason::ALL {
            let _ = counts.get_or_create(&reason.labels());
        }
        let help = "Times that a listener could not take a connection at once, by reason";
        let counts = metrics.register("connections_refused", help, counts);
        Self { health: health.clone(), throttle: Throttle::default(), counts }
    }

    /// Tells why a connection could not be accepted, and waits a moment.
    pub async fn failed(&self, error: &io::Error) {
        if is_out_of_files(error) {
            self.count(Reason::Files);
            self.warn(&format!("New connections cannot be accepted ({error}). {}", files_advice(error)));
        } else {
            // Gone before it was taken: not the next one's fault.
            self.count(Reason::Other);
            tracing::debug!(%error, "a connection cannot be accepted");
        }
        tokio::time::sleep(PAUSE).await;
    }

    fn count(&self, reason: Reason) {
        self.counts.get_or_create(&reason.labels()).inc();
    }

    /// A limit is raised by a start only, so on `/readyz` the warning stays until then.
    fn warn(&self, sentence: &str) {
        self.health.warn("open_files", sentence);
        if self.throttle.may_tell() {
            tracing::warn!("{sentence}");
        }
    }
}

/// How many connections a listener may have open.
#[derive(Clone, Debug)]
pub struct Room {
    places: Arc<Semaphore>,
    /// Whether there would be more with more files.
    is_short_of_files: bool,
    refusals: Refusals,
}

impl Room {
    /// For a listener that gets one part of so many of the process's files, at most `most`.
    pub fn new(parts: usize, most: usize, refusals: Refusals) -> Self {
        let places = connections_of(parts, most);
        Self { places: Arc::new(Semaphore::new(places)), is_short_of_files: places < most, refusals }
    }

    /// The place of one connection, once there is one.
    pub async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        self.refusals.count(Reason::Room);
        if self.is_short_of_files {
            self.refusals.warn(FULL);
        }
        self.places.clone().acquire_owned().await.ok()
    }

    /// See [`Refusals::failed`].
    pub async fn failed(&self, error: &io::Error) {
        self.refusals.failed(error).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_keeps_connections_out_is_counted_by_reason_and_told_of() {
        let (health, metrics) = (Health::default(), Metrics::default());
        let refusals = Refusals::new(&health, &metrics);
        let count = |reason: &str, count: u32| {
            let line = format!("linklogger_connections_refused_total{{reason=\"{reason}\"}} {count}\n");
            assert!(metrics.encode().contains(&line), "{line}{}", metrics.encode());
        };
        refusals.failed(&Error::from_raw_os_error(rustix::io::Errno::CONNABORTED.raw_os_error())).await;
        assert_eq!(health.snapshot().warnings, [""; 0]);
        for _ in 0..2 {
            refusals.failed(&Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())).await;
        }
        assert!(matches!(&health.snapshot().warnings[..], [warning] if warning.contains("LimitNOFILE=")), "{health:?}");
        for (reason, counted) in [("files", 2), ("room", 0), ("other", 1)] {
            count(reason, counted);
        }
    }
}
