//! Today's salts of workspaces, with strict capture: in memory only, and asked for ahead of each day, so
//! that no click waits for one.

use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::{DaySalt, Millis, SaltOfDay, WorkspaceId};
use platform::Clock;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::SaltSource;
use crate::policies::Policies;
use crate::settings::Settings;

/// How long a salt is used before it is asked for again: the workspace may change its zone.
const AGAIN_MILLIS: i64 = 10 * 60_000;
/// How long before a day begins its salt is asked for.
const AHEAD_MILLIS: i64 = 15 * 60_000;
/// How soon a source that did not answer is asked again for the same workspace.
const DOWN_MILLIS: i64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(2);
const SWEEP: Duration = Duration::from_secs(60);

/// The salts of one workspace.
#[derive(Debug, Default)]
pub(crate) struct HeldSalts {
    salts: RwLock<Vec<SaltOfDay>>,
    /// When they are asked for again.
    due: AtomicI64,
}

impl HeldSalts {
    pub fn of(&self, at: Millis) -> Option<DaySalt> {
        self.salts.read().unwrap_or_else(PoisonError::into_inner).iter().find(|salt| salt.is_of(at)).map(|salt| salt.salt)
    }

    pub fn set(&self, salts: Vec<SaltOfDay>) {
        *self.salts.write().unwrap_or_else(PoisonError::into_inner) = salts;
    }

    /// Forgets those of days that are over.
    pub fn sweep(&self, now: Millis) {
        self.salts.write().unwrap_or_else(PoisonError::into_inner).retain(|salt| now < salt.until);
    }

    /// Whether the caller is to ask for them, as nobody else does meanwhile.
    fn is_mine_to_ask(&self, now: Millis) -> bool {
        let due = self.due.load(Ordering::Relaxed);
        let until = now.plus(DOWN_MILLIS).0.saturating_add(i64::try_from(PATIENCE.as_millis()).unwrap_or_default());
        due <= now.0 && self.due.compare_exchange(due, until, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// Clones share the source.
#[derive(Clone, Debug)]
pub(crate) struct Salts {
    source: Arc<dyn SaltSource>,
    clock: Clock,
    /// Where the source's connections live.
    main: Handle,
}

impl Salts {
    /// Must be made on the main runtime.
    pub fn new(source: Arc<dyn SaltSource>, clock: Clock) -> Self {
        Self { source, clock, main: Handle::current() }
    }

    /// The salt of the day that `at` is in, as far as it is known.
    pub fn of(&self, workspace: WorkspaceId, settings: &Settings, at: Millis) -> Option<DaySalt> {
        let held = settings.salts();
        if held.is_mine_to_ask(self.clock.now()) {
            let (this, settings) = (self.clone(), settings.clone());
            self.main.spawn(async move { this.ask(workspace, settings.salts()).await });
        }
        held.of(at)
    }

    /// Asks for the first time, for whoever has the time to wait.
    pub async fn know(&self, workspace: WorkspaceId, settings: &Settings) {
        let held = settings.salts();
        if held.is_mine_to_ask(self.clock.now()) {
            self.ask(workspace, held).await;
        }
    }

    async fn ask(&self, workspace: WorkspaceId, held: &HeldSalts) {
        let now = self.clock.now();
        let due = match tokio::time::timeout(PATIENCE, self.around(workspace, now)).await {
            Ok(Some(salts)) => {
                held.set(salts);
                now.plus(AGAIN_MILLIS)
            }
            // What is known is right as long as its day.
            Ok(None) | Err(_) => now.plus(DOWN_MILLIS),
        };
        held.due.store(due.0, Ordering::Release);
    }

    /// That of the day, and the next one's soon before it begins.
    async fn around(&self, workspace: WorkspaceId, now: Millis) -> Option<Vec<SaltOfDay>> {
        let today = self.told(workspace, now).await?;
        let next = if today.until < now.plus(AHEAD_MILLIS) { self.told(workspace, today.until).await } else { None };
        Some([Some(today), next].into_iter().flatten().collect())
    }

    async fn told(&self, workspace: WorkspaceId, at: Millis) -> Option<SaltOfDay> {
        match self.source.salt(workspace, at).await {
            Ok(salt) => salt,
            Err(error) => {
                tracing::debug!(%error, "the salt of a day cannot be had; its clicks are of nobody");
                None
            }
        }
    }

    /// Forgets, until the stop, the salts of days that are over, of workspaces that nobody clicks on too.
    ///
    /// # Errors
    /// Never.
    pub async fn sweep(self, policies: Policies, stopping: CancellationToken) -> Result<(), Infallible> {
        while stopping.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
            policies.sweep_salts(self.clock.now());
        }
        Ok(())
    }
}
