//! The watch over the geo databases in use: takes up files that were replaced, and says on `/readyz` and
//! `/metrics` which there are and how old they are.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use enrich::{GeoDatabases, GeoTrouble, Refreshed};
use platform::{Clock, Health, Metrics, Readiness};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

use super::day;

const EVERY: Duration = Duration::from_secs(3);
/// From then on networks have moved that matter; the free databases come anew each month.
const OLD: i64 = 60 * 86_400;

const PART: &str = "geoip";
const OLD_FILE: &str = "geoip_old";
const NO_PLACES: &str = "strict_capture";
const NO_PLACES_TEXT: &str = "LINKLOGGER_CAPTURE is strict and there is no geo database: clicks of this redirector have no place, \
                              and nobody can look it up later. Run `linklogger geoip fetch --city` here, or set LINKLOGGER_GEOIP_DB.";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFile {
    file: String,
}

/// Has said at once what there is, and looks every few seconds when it runs.
#[derive(Debug)]
pub(crate) struct Watch {
    geo: Arc<GeoDatabases>,
    /// Whether clicks are without a place for ever when there is no database.
    is_needed: bool,
    health: Health,
    clock: Clock,
    built: Family<OfFile, Gauge>,
    loaded: Counter,
    refused: Counter,
}

impl Watch {
    pub fn new(geo: Arc<GeoDatabases>, is_needed: bool, health: &Health, metrics: &Metrics, clock: &Clock) -> Self {
        let watch = Self {
            geo,
            is_needed,
            health: health.clone(),
            clock: clock.clone(),
            built: metrics.register(
                "geoip_built_timestamp_seconds",
                "When each geo database in use was built, lists by their file's time",
                Family::default(),
            ),
            loaded: metrics.register("geoip_loaded", "Geo databases that were taken up while running", Counter::default()),
            refused: metrics.register("geoip_refused", "Geo databases that were gone or not readable while running", Counter::default()),
        };
        watch.tell();
        watch
    }

    /// # Errors
    /// Never.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stopping.cancelled() => return Ok(()),
            }
            let geo = self.geo.clone();
            // Only a bug can end it early; what is loaded is used on.
            let Ok(Refreshed { loaded, refused }) = tokio::task::spawn_blocking(move || geo.refresh()).await else { continue };
            for path in &loaded {
                tracing::info!(file = %path.display(), "geo database taken up");
            }
            for path in &refused {
                tracing::warn!(file = %path.display(), "geo database cannot be used as it is now; see /readyz");
            }
            self.loaded.inc_by(loaded.len() as u64);
            self.refused.inc_by(refused.len() as u64);
            self.tell();
        }
    }

    fn tell(&self) {
        let (mut details, mut old, mut readiness) = (Vec::new(), Vec::new(), Readiness::Ready);
        let now = self.clock.now().0 / 1_000;
        for state in self.geo.state() {
            let path = state.path.display();
            if let Some((file, built)) = state.used.as_deref().and_then(|file| Some((file, file.built()?))) {
                self.built.get_or_create(&OfFile { file: path.to_string() }).set(built);
                let how = if file.says_when() { "was built on" } else { "is, by its file's time, of" };
                details.push(format!("{path} {how} {}.", day(built)));
                if now - built > OLD {
                    old.push(format!("{path} {} days", (now - built) / 86_400));
                }
            } else if state.used.is_some() {
                details.push(format!("{path} does not say when it was built."));
            }
            let kept = if state.used.is_some() { " What was read before is used on." } else { "" };
            match state.trouble {
                None => continue,
                Some(GeoTrouble::Gone) => details.push(format!("{path} is gone.{kept} Put it back.")),
                Some(GeoTrouble::Refused(reason)) => {
                    details.push(format!(
                        "{path} cannot be used as it is now ({reason}).{kept} Replace it, or get it with `linklogger geoip fetch`."
                    ));
                }
            }
            readiness = Readiness::Degraded;
        }
        if details.is_empty() {
            details.push("There is no geo database, so clicks have no place. `linklogger geoip fetch --city` gets one.".to_owned());
        }
        self.health.report(PART, readiness, details.join(" "));
        if old.is_empty() {
            self.health.settle(OLD_FILE);
        } else {
            let text = format!(
                "Geo databases are old, so that places are wrong more often: {}. Replace them; `linklogger geoip fetch` gets free ones.",
                old.join(", ")
            );
            self.warn(OLD_FILE, text);
        }
        if self.is_needed && self.geo.is_empty() {
            self.warn(NO_PLACES, NO_PLACES_TEXT.to_owned());
        } else {
            self.health.settle(NO_PLACES);
        }
    }

    fn warn(&self, key: &'static str, text: String) {
        if self.health.warn(key, text.clone()) {
            tracing::warn!("{text}");
        }
    }
}
