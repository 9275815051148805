//! `linklogger dead-letters`: records that the database refused, looked at, tried again and deleted.
//! Nothing that a visitor sent is printed.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use enrich::{Enricher, GeoDatabases};
use platform::config::Config;
use platform::{Clock, Health, Metrics, Rng};
use store::{DeadLetter, Store, StoreError};
use stream::LocalFeed;
use uuid::Uuid;
use worker::{Pump, Retried, Salts, WorkerParts};

use crate::commands::{connect, counted, say};
use crate::geoip;

const PAGE: u64 = 200;

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum DeadLetterCommand {
    /// Print when each record was set aside, and why
    List,
    /// Store what was set aside, once what kept it out is mended, and delete what is stored then; exit code 1
    /// when some is still refused. Running processes may go on
    Retry {
        /// The letter, as `list` prints it; all of them if none is named
        id: Option<Uuid>,
    },
    /// Delete one for good: its click is lost
    Remove {
        /// The letter, as `list` prints it
        id: Uuid,
    },
}

pub(crate) async fn run(command: DeadLetterCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let store = connect(config).await?;
    store.check_schema().await?;
    let done = match command {
        DeadLetterCommand::List => list(&store).await,
        DeadLetterCommand::Retry { id: None } => retry_all(&store, config).await,
        DeadLetterCommand::Retry { id: Some(id) } => retry_one(&store, config, id).await,
        DeadLetterCommand::Remove { id } => remove(&store, id).await,
    };
    store.close().await;
    done
}

fn unknown(id: Uuid) -> impl Fn(StoreError) -> anyhow::Error {
    move |error| match error {
        StoreError::NotFound => {
            anyhow::anyhow!("There is no dead letter {id}. `linklogger dead-letters list` prints those that there are.")
        }
        other => other.into(),
    }
}

async fn list(store: &Store) -> anyhow::Result<ExitCode> {
    let mut letters = 0;
    let mut after = None;
    loop {
        let page = store.dead_letters_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        letters += page.len() as u64;
        say(&page.iter().map(|DeadLetter { id, reason, at, .. }| format!("{id}  {at}  {reason}\n")).collect::<String>())?;
    }
    say(&format!("{}.\n", counted(letters, "dead letter")))
}

fn pump(store: &Store, config: &Config) -> anyhow::Result<Pump> {
    let (rng, geo) = (Rng::System, GeoDatabases::open(geoip::source(config))?);
    let parts = WorkerParts {
        store: store.clone(),
        salts: Salts::new(store.clone(), rng.clone()),
        // Subscribers find these clicks in the store.
        feed: Arc::new(LocalFeed::default()),
        enricher: Arc::new(Enricher::new(Arc::new(geo))),
        clock: Clock::System,
        rng,
        health: Health::default(),
    };
    Ok(Pump::new(parts, &Metrics::default()))
}

/// Whether the letter is done with.
async fn retry(store: &Store, pump: &Pump, letter: &DeadLetter) -> anyhow::Result<bool> {
    let retried = pump.retry(letter).await?;
    if retried.is_done() {
        match store.remove_dead_letter(letter.id).await {
            // Somebody else was as fast.
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let told = match &retried {
        Retried::Stored => "stored".to_owned(),
        Retried::StoredBefore => "was stored before".to_owned(),
        Retried::NotKept => "is not kept: its workspace keeps no clicks of its time, or it was erased".to_owned(),
        Retried::Refused(reason) => format!("is still refused: {reason}"),
        Retried::Unreadable(reason) => format!("cannot be read: {reason}"),
    };
    say(&format!("{}  {told}\n", letter.id))?;
    Ok(retried.is_done())
}

async fn retry_one(store: &Store, config: &Config, id: Uuid) -> anyhow::Result<ExitCode> {
    let letter = store.dead_letter(id).await.map_err(unknown(id))?;
    let is_done = retry(store, &pump(store, config)?, &letter).await?;
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn retry_all(store: &Store, config: &Config) -> anyhow::Result<ExitCode> {
    let (pump, mut after, mut done, mut left) = (pump(store, config)?, None, 0, 0);
    loop {
        let page = store.dead_letters_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for letter in &page {
            if retry(store, &pump, letter).await? {
                done += 1;
            } else {
                left += 1;
            }
        }
    }
    say(&format!("{} done with, {left} left.\n", counted(done, "dead letter")))?;
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn remove(store: &Store, id: Uuid) -> anyhow::Result<ExitCode> {
    store.remove_dead_letter(id).await.map_err(unknown(id))?;
    say(&format!("{id}  deleted\n"))
}
