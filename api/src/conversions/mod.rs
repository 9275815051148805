//! What is told of clicks from outside GraphQL: by a program (`json`), by a pixel in a page, and by the script
//! of a page (`beacon`). All of it, and `trackConversion`, goes through the [`Tracker`].
//!
//! A redirect does not wait for its click to be stored, so a page may be quicker than that: what is told of a
//! click that was made a moment ago is tried again for two seconds.

mod beacon;
mod json;
mod pixel;
mod told;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use domain::{ClickId, Conversion, ConversionDraft, ConversionSource, Invalid, NewConversion, WorkspaceId};
use platform::{Allowance, ClientIp, Clock, Metrics, Peer, visitor_network};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use store::{Engaged, MOST_CONVERSIONS_OF_A_CLICK, Store, StoreError, Tracked};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::schema::error::{ApiError, ErrorCode};

pub(crate) use json::post as post_json;

/// How long what is told waits for its click.
const PATIENCE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// A click may still be under way when it was made so long ago, by clocks that may differ.
const FRESH_MILLIS: i64 = 30_000;
/// Who waits at once. Who comes above that is not waited for, since anybody can make ids up.
const WAITING: usize = 256;
/// What a page may tell in a second from one network, and ten times as much at once.
const RATE: u32 = 10;

type Labels = Vec<(&'static str, &'static str)>;

/// What became of what was told, by way and result.
const WAYS: [&str; 3] = ["api", "pixel", "beacon"];
const RESULTS: [&str; 8] = ["stored", "duplicate", "unknown_click", "outside_window", "invalid", "conflict", "too_many", "unavailable"];

#[derive(Debug)]
pub(crate) struct Tracker {
    store: Store,
    clock: Clock,
    waiting: Semaphore,
    told: Family<Labels, Counter>,
}

impl Tracker {
    pub fn new(store: Store, clock: Clock, metrics: &Metrics) -> Self {
        let told: Family<Labels, Counter> =
            metrics.register("api_conversions", "Conversions and engagements that were told of", Family::default());
        for way in WAYS {
            for result in RESULTS.into_iter().chain(["rate_limited"]) {
                let _ = told.get_or_create(&vec![("way", way), ("result", result)]);
            }
        }
        Self { store, clock, waiting: Semaphore::new(WAITING), told }
    }

    /// Keeps a conversion of a click of that workspace; says whether it was there already.
    ///
    /// # Errors
    /// VALIDATION, NOT_FOUND, CONFLICT, QUOTA_EXCEEDED.
    pub async fn track(&self, workspace: WorkspaceId, draft: ConversionDraft) -> Result<(Conversion, bool), ApiError> {
        let tracked = self.track_as(Some(workspace), draft, ConversionSource::Api).await;
        self.count("api", &tracked);
        tracked
    }

    /// The same for who knows the click's id and nothing else.
    async fn track_by_click(&self, draft: ConversionDraft) -> Result<(Conversion, bool), ApiError> {
        let tracked = self.track_as(None, draft, ConversionSource::Pixel).await;
        self.count("pixel", &tracked);
        tracked
    }

    async fn track_as(
        &self,
        workspace: Option<WorkspaceId>,
        draft: ConversionDraft,
        source: ConversionSource,
    ) -> Result<(Conversion, bool), ApiError> {
        let new = draft.check(source, self.clock.now())?;
        let mut patience = self.patience(new.click);
        let tracked = loop {
            let tracked = self.keep(workspace, &new).await;
            if !matches!(tracked, Err(StoreError::NotFound)) || !patience.lasts().await {
                break tracked;
            }
        };
        match tracked.map_err(refused)? {
            Tracked::Stored(conversion) => Ok((conversion, false)),
            Tracked::Duplicate(conversion) => Ok((conversion, true)),
            Tracked::OutsideWindow(issue) => Err(ApiError::Invalid(Invalid::from(issue))),
        }
    }

    async fn keep(&self, workspace: Option<WorkspaceId>, new: &NewConversion) -> Result<Tracked, StoreError> {
        // Looked up first in any case: whoever waits for a click only reads.
        let owner = self.store.workspace_of_click(new.click).await?.filter(|owner| workspace.is_none_or(|workspace| workspace == *owner));
        self.store.track_conversion(owner.ok_or(StoreError::NotFound)?, new).await
    }

    /// Keeps that the visitor of a click did something on the target.
    async fn engage(&self, click: ClickId) -> Result<(), ApiError> {
        let mut patience = self.patience(click);
        let result = loop {
            let result = self.keep_engagement(click).await;
            if !matches!(result, Err(StoreError::NotFound)) || !patience.lasts().await {
                break result.map_err(refused);
            }
        };
        self.told(
            "beacon",
            match &result {
                Ok(Engaged::Stored) => "stored",
                Ok(Engaged::Duplicate) => "duplicate",
                Ok(Engaged::OutsideWindow) => "outside_window",
                Err(error) => result_of(error),
            },
        );
        result.map(|_| ())
    }

    async fn keep_engagement(&self, click: ClickId) -> Result<Engaged, StoreError> {
        let workspace = self.store.workspace_of_click(click).await?.ok_or(StoreError::NotFound)?;
        self.store.engage(workspace, click, self.clock.now()).await
    }

    fn patience(&self, click: ClickId) -> Patience<'_> {
        Patience { tracker: self, click, until: Instant::now() + PATIENCE, pause: FIRST_PAUSE, turn: None }
    }

    fn count(&self, way: &'static str, tracked: &Result<(Conversion, bool), ApiError>) {
        self.told(
            way,
            match tracked {
                Ok((_, false)) => "stored",
                Ok((_, true)) => "duplicate",
                Err(error) => result_of(error),
            },
        );
    }

    fn told(&self, way: &'static str, result: &'static str) {
        self.told.get_or_create(&vec![("way", way), ("result", result)]).inc();
    }
}

/// How long a click that is not there is waited for: as long as it may yet come.
#[derive(Debug)]
struct Patience<'a> {
    tracker: &'a Tracker,
    click: ClickId,
    until: Instant,
    pause: Duration,
    /// Among those who wait.
    turn: Option<SemaphorePermit<'a>>,
}

impl Patience<'_> {
    /// Waits, and says whether to try again.
    async fn lasts(&mut self) -> bool {
        let age = self.click.made_at().0.abs_diff(self.tracker.clock.now().0);
        if age > FRESH_MILLIS.unsigned_abs() || Instant::now() + self.pause > self.until {
            return false;
        }
        if self.turn.is_none() {
            let Ok(turn) = self.tracker.waiting.try_acquire() else { return false };
            self.turn = Some(turn);
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::NotFound("click"),
        StoreError::TooMany => ApiError::Quota(format!("A click can lead to {MOST_CONVERSIONS_OF_A_CLICK} conversions at most.")),
        other => other.into(),
    }
}

fn result_of(error: &ApiError) -> &'static str {
    match error.code() {
        ErrorCode::NotFound => "unknown_click",
        ErrorCode::Conflict => "conflict",
        ErrorCode::QuotaExceeded => "too_many",
        ErrorCode::Validation if is_outside_window(error) => "outside_window",
        ErrorCode::Validation => "invalid",
        _ => "unavailable",
    }
}

/// A pixel says nothing of the time, so an offence there is that of the window.
fn is_outside_window(error: &ApiError) -> bool {
    matches!(error, ApiError::Invalid(invalid) if invalid.0.iter().all(|issue| issue.path == "occurredAt"))
}

/// What pages tell, without a credential: the id of a click, of which 74 bits are random, is one.
#[derive(Debug)]
pub(crate) struct Pages {
    tracker: Arc<Tracker>,
    client_ip: ClientIp,
    pixels: Allowance,
    beacons: Allowance,
}

impl Pages {
    pub fn new(tracker: Arc<Tracker>, client_ip: ClientIp) -> Self {
        let now = Instant::now();
        Self { tracker, client_ip, pixels: Allowance::new(RATE, now), beacons: Allowance::new(RATE, now) }
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/c.gif", get(pixel::get))
            .route("/e.js", get(beacon::script))
            .route("/e", post(beacon::post))
            .with_state(Arc::new(self))
    }

    /// Whether that network may tell more. Where an address may stand for many nobody is refused.
    fn may_tell(&self, allowance: &Allowance, peer: Peer, headers: &HeaderMap) -> bool {
        let client = self.client_ip.client(peer.0, headers);
        client.may_be_many || allowance.take(visitor_network(client.ip), Instant::now())
    }
}
