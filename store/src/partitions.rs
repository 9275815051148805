//! Monthly partitions of `clicks` on PostgreSQL: by the id, so that a click delivered again
//! months later still meets its first copy. A month that nobody keeps a click of is dropped.

use domain::{ClickId, Millis};
use jiff::{ToSpan, ZonedDateTime, tz::TimeZone};
use sqlx::{AssertSqlSafe, PgPool};

use crate::connect::Pools;
use crate::{Store, StoreError};

const MONTHS_AHEAD: i32 = 3;
const MONTHS_BEFORE: i32 = 1;

/// What asks for a lock in vain for so long is done another time: whoever comes meanwhile waits behind it.
const PATIENCE: &str = "SET LOCAL lock_timeout = '100ms'";

impl Store {
    /// Makes the partitions of the month of `now` and the months around it; nothing on SQLite.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn ensure_partitions(&self, now: Millis) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { .. } => Ok(()),
            Pools::Postgres(pool) => ensure(pool, now).await,
        }
    }
}

impl Store {
    /// Drops the partitions of months of which no workspace keeps a click, oldest first, and says how many;
    /// nothing on SQLite. Where others use the table, the rest waits for the next call.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn drop_unused_partitions(&self, now: Millis) -> Result<u64, StoreError> {
        let (Pools::Postgres(pool), Some(this_month)) = (&self.pools, this_month(now)) else { return Ok(0) };
        let sql = "SELECT c.relname::text FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
                   WHERE i.inhparent = 'clicks'::regclass ORDER BY 1";
        let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await?;
        let mut dropped = 0;
        for name in names {
            let is_over = |(_, end): &(ZonedDateTime, ZonedDateTime)| month(&this_month, -MONTHS_BEFORE).is_some_and(|kept| *end <= kept);
            let Some((_, end)) = bounds(&name).filter(is_over) else { continue };
            if !drop_if_unused(pool, &name, &end).await? {
                break;
            }
            dropped += 1;
        }
        Ok(dropped)
    }
}

/// False when it is used, or cannot be locked at once.
async fn drop_if_unused(pool: &PgPool, name: &str, end: &ZonedDateTime) -> Result<bool, StoreError> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('clicks'))").execute(&mut *transaction).await?;
    sqlx::query("SET LOCAL ROLE linklogger_worker").execute(&mut *transaction).await?;
    let end = end.timestamp().as_millisecond();
    let unused: bool = sqlx::query_scalar("SELECT linklogger_is_unused_before($1)").bind(end).fetch_one(&mut *transaction).await?;
    if !unused {
        return Ok(false);
    }
    // The tables' owner drops, not a role.
    for statement in ["SET LOCAL ROLE NONE", PATIENCE] {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    match sqlx::raw_sql(AssertSqlSafe(format!("DROP TABLE {name}"))).execute(&mut *transaction).await {
        // 55P03: lock_not_available.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => Ok(false),
        result => {
            result?;
            transaction.commit().await?;
            Ok(true)
        }
    }
}

/// The month that a partition of this name is of.
fn bounds(name: &str) -> Option<(ZonedDateTime, ZonedDateTime)> {
    let first = jiff::civil::Date::strptime("%Y_%m_%d", format!("{}_01", name.strip_prefix("clicks_")?)).ok()?;
    let start = first.to_zoned_datetime(TimeZone::UTC).ok()?;
    Some((start.clone(), month(&start, 1)?))
}

pub(crate) async fn ensure(pool: &PgPool, now: Millis) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await?;
    // Two workers that make the same partition at once would fail on the catalogue's own index.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('clicks'))").execute(&mut *transaction).await?;
    for statement in statements(now) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn statements(now: Millis) -> Vec<String> {
    let Some(this_month) = this_month(now) else { return Vec::new() };
    let months = (-MONTHS_BEFORE..=MONTHS_AHEAD).filter_map(|offset| Some((month(&this_month, offset)?, month(&this_month, offset + 1)?)));
    months.map(|(start, end)| statement(&start, &end)).collect()
}

fn this_month(now: Millis) -> Option<ZonedDateTime> {
    now.timestamp().to_zoned_datetime(TimeZone::UTC).first_of_month().and_then(|first| first.start_of_day()).ok()
}

fn month(this: &ZonedDateTime, offset: i32) -> Option<ZonedDateTime> {
    this.checked_add(offset.months()).ok()
}

fn statement(start: &ZonedDateTime, end: &ZonedDateTime) -> String {
    let name = start.strftime("clicks_%Y_%m");
    let bound = |at: &ZonedDateTime| ClickId::floor(Millis::from_timestamp(at.timestamp())).0;
    format!(
        "DO $$ BEGIN IF to_regclass('{name}') IS NULL THEN \
           CREATE TABLE {name} PARTITION OF clicks FOR VALUES FROM ('{}') TO ('{}'); \
           ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; ALTER TABLE {name} FORCE ROW LEVEL SECURITY; \
         END IF; END $$",
        bound(start),
        bound(end)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_partitions_are_read_as_they_are_written() {
        let (start, end) = bounds("clicks_2026_12").unwrap();
        assert_eq!(
            (start.to_string().as_str(), end.to_string().as_str()),
            ("2026-12-01T00:00:00+00:00[UTC]", "2027-01-01T00:00:00+00:00[UTC]")
        );
        assert!(statement(&start, &end).contains("CREATE TABLE clicks_2026_12 "));
        assert!(["clicks_default", "clicks_2026_13", "clicks"].iter().all(|name| bounds(name).is_none()));
    }

    #[test]
    fn months_join_by_id() {
        let at = Millis::from_timestamp("2026-11-24T12:00:00Z".parse().unwrap());
        let all = statements(at);
        assert_eq!(all.len(), 5);
        assert!(all[0].contains("clicks_2026_10") && all[4].contains("clicks_2027_02"), "{all:?}");
        let end_of = |text: &str| text.split("TO ('").nth(1).unwrap()[..36].to_owned();
        let start_of = |text: &str| text.split("FROM ('").nth(1).unwrap()[..36].to_owned();
        assert!(all.windows(2).all(|pair| end_of(&pair[0]) == start_of(&pair[1])));
    }
}
