//! The salts of the days that clicks come from, each asked of the store once and held as long as it is used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{DaySalt, LocalDay, Millis, SaltOfDay, WorkspaceId};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{IngestSettings, Salt, Store, StoreError};

/// Clones share what is held.
#[derive(Clone, Debug)]
pub struct Salts {
    store: Store,
    rng: Rng,
    held: Arc<Mutex<HashMap<(WorkspaceId, LocalDay), Salt>>>,
    /// Whether something deleted may still be in the database's files: also what another process, or one
    /// before, deleted.
    unwiped: Arc<AtomicBool>,
}

impl Salts {
    pub fn new(store: Store, rng: Rng) -> Self {
        Self { store, rng, held: Arc::default(), unwiped: Arc::new(AtomicBool::new(true)) }
    }

    /// The salt of a day, made when there is none yet; `None` when its time is over or has not come.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(&self, workspace: WorkspaceId, day: LocalDay, zone: &TimeZone, now: Millis) -> Result<Option<DaySalt>, StoreError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&(workspace, day)).copied();
        let salt = match (held, day.used_until(zone, now)) {
            (Some(held), _) => Some(held),
            (None, Some(used_until)) => {
                let new = Salt { day, salt: DaySalt(self.rng.bytes()), used_until };
                let salt = self.store.day_salt(workspace, new, now).await?;
                if let Some(salt) = salt {
                    self.held.lock().unwrap_or_else(PoisonError::into_inner).insert((workspace, day), salt);
                }
                salt
            }
            (None, None) => None,
        };
        // The zone may have changed since it was made.
        Ok(salt.filter(|salt| now < salt.used_until).map(|salt| salt.salt))
    }

    /// The salt of the workspace's local day that `at` is in, with that day's ends; `None` where there is no
    /// such workspace, or none to be had.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn at(&self, workspace: WorkspaceId, at: Millis, now: Millis) -> Result<Option<SaltOfDay>, StoreError> {
        let settings = self.store.ingest_settings(&[workspace]).await?;
        let Some(IngestSettings { zone, .. }) = settings.get(&workspace) else { return Ok(None) };
        let day = LocalDay::of(at, zone);
        let salt = self.of(workspace, day, zone, now).await?;
        let ends = day.start(zone).zip(LocalDay(day.0.saturating_add(1)).start(zone));
        Ok(salt.zip(ends).map(|(salt, (from, until))| SaltOfDay { salt, from, until }))
    }

    /// Forgets what is used no more, here and in the store. Where readers keep the database's files from
    /// being wiped, the next time does it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn destroy(&self, now: Millis) -> Result<(), StoreError> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, salt| now < salt.used_until);
        let (mut destroyed, mut more) = (0, true);
        while more {
            let step = self.store.destroy_salts(now).await?;
            destroyed += step.salts;
            more = step.more;
        }
        if destroyed > 0 {
            tracing::info!(days = destroyed, "salts of past days are destroyed");
            self.unwiped.store(true, Ordering::Relaxed);
        }
        if self.unwiped.load(Ordering::Relaxed) && self.store.wipe_salts().await? {
            self.unwiped.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}
