//! What is counted by the minute of the clicks that it is about, in the transaction that decides it: what was kept out
//! since it was erased, and what was delivered again.
//!
//! Copies delivered again are told from each other by nothing, so it is deliveries that are counted, each in the
//! transaction that meets it: one that is undone counts nothing, and the copy that comes after it once.

use std::collections::BTreeMap;

use domain::{LossReason, WorkspaceId};
use sqlx::{PgTransaction, Sqlite, Transaction};

use super::{Incoming, Ingested};
use crate::failure::Failure;

const MINUTE_MILLIS: i64 = 60_000;

/// How many of a batch were stored before, or are in it twice, by the minute they were made in.
pub(super) fn again(batch: &[&Incoming], ingested: &Ingested) -> BTreeMap<i64, i64> {
    let mut minutes = BTreeMap::new();
    if batch.len() == ingested.clicks.len() {
        return minutes;
    }
    let minute = |at: domain::Millis| at.0.div_euclid(MINUTE_MILLIS);
    for incoming in batch {
        *minutes.entry(minute(incoming.click.occurred_at())).or_default() += 1;
    }
    for click in &ingested.clicks {
        *minutes.entry(minute(click.occurred_at())).or_default() -= 1;
    }
    minutes.retain(|_, copies| *copies > 0);
    minutes
}

/// The workspace's own id is the counter's.
const SQL: &str = "INSERT INTO ingest_counters (workspace_id, minute, reason, counter_id, count) VALUES ($1, $2, $3, $1, $4) \
    ON CONFLICT (workspace_id, minute, reason, counter_id) DO UPDATE SET count = ingest_counters.count + excluded.count";

pub(super) async fn add_sqlite(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    reason: LossReason,
    minutes: &BTreeMap<i64, i64>,
) -> Result<(), Failure> {
    for (minute, count) in minutes {
        let query = sqlx::query(SQL).bind(workspace.0).bind(minute).bind(reason.code()).bind(count);
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

pub(super) async fn add_postgres(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    reason: LossReason,
    minutes: &BTreeMap<i64, i64>,
) -> Result<(), Failure> {
    for (minute, count) in minutes {
        let query = sqlx::query(SQL).bind(workspace.0).bind(minute).bind(reason.code()).bind(count);
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}
