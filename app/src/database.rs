//! The database at the start. One that is away is waited for, so that a redirector comes up without
//! it and an api or a worker without being started again; what only a person can mend ends the
//! process at once. Later it is watched, for `/readyz`.

use std::convert::Infallible;
use std::time::Duration;

use platform::config::{Config, Database};
use platform::{Backoff, Clock, DurabilityClass, Health, Readiness, Rng};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::commands;

const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// Each attempt is logged.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
const WATCH_EVERY: Duration = Duration::from_secs(2);
const PART: &str = "database";
const NO_SQLITE: &str =
    "The SQLite file does not answer. It is tried again: check the disk of LINKLOGGER_DATA_DIR, and what else uses the file.";
const NO_POSTGRES: &str = "PostgreSQL does not answer. It is tried again: start it, or mend LINKLOGGER_DATABASE_URL.";

/// Whether a database could be used when it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    /// It may be there later.
    Away,
}

/// The database of a process.
#[derive(Clone, Debug)]
pub(crate) struct ProcessDatabase {
    pub store: Store,
    /// All roles in one process bring the schema up to date; split ones only look at it.
    migrates: bool,
    /// What to do when it does not answer.
    advice: &'static str,
    clock: Clock,
    rng: Rng,
    health: Health,
}

impl ProcessDatabase {
    pub async fn open(config: &Config, clock: &Clock, rng: &Rng, health: &Health) -> anyhow::Result<Self> {
        let store = commands::open(config).await?;
        let (class, note, advice) = match config.database {
            Database::Sqlite(_) => (DurabilityClass::Fsync, "SQLite with synchronous=FULL", NO_SQLITE),
            Database::Postgres(_) => {
                (DurabilityClass::Unknown, "fsync unless the server switches fsync or synchronous_commit off", NO_POSTGRES)
            }
        };
        health.durability(PART, class, note);
        Ok(Self { store, migrates: config.roles.is_all(), advice, clock: clock.clone(), rng: rng.clone(), health: health.clone() })
    }

    /// Tries once whether it can be used, and says so on `/readyz`.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with a sentence when trying again would not help.
    pub async fn look(&self) -> Result<Presence, StoreError> {
        match self.prepare().await {
            Ok(()) => {
                self.health.report(PART, Readiness::Ready, "");
                Ok(Presence::There)
            }
            Err(StoreError::Unavailable(reason)) => {
                tracing::warn!(reason, "PostgreSQL cannot be reached; trying again until it is there");
                let detail =
                    format!("PostgreSQL cannot be reached ({reason}). It is tried again: start it, or mend LINKLOGGER_DATABASE_URL.");
                self.health.report(PART, Readiness::Down, detail);
                Ok(Presence::Away)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks again until it is there.
    ///
    /// # Errors
    /// As [`ProcessDatabase::look`].
    pub async fn wait(&self) -> Result<(), StoreError> {
        let mut backoff = Backoff::new(BACKOFF_MIN, BACKOFF_MAX);
        loop {
            backoff.pause(&self.rng).await;
            if self.look().await? == Presence::There {
                return Ok(());
            }
        }
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        self.store.reach().await?;
        let prepared = match self.migrates {
            true => store::migrate(&self.store, self.clock.now()).await,
            false => self.store.check_schema().await,
        };
        if let Err(error) = prepared {
            // A statement that is refused looks like a server that went away meanwhile, until it is asked.
            self.store.reach().await?;
            return Err(StoreError::Unusable(error.to_string()));
        }
        Ok(())
    }

    /// Says on `/readyz` whether it answers, until the stop.
    pub async fn watch(self, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(WATCH_EVERY) => {}
                () = stopping.cancelled() => return Ok(()),
            }
            match self.store.ping().await {
                Ok(()) => self.health.report(PART, Readiness::Ready, ""),
                Err(_) => self.health.report(PART, Readiness::Degraded, self.advice),
            }
        }
    }
}
