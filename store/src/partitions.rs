//! Monthly partitions of `clicks` on PostgreSQL: by the id, so that a click delivered again
//! months later still meets its first copy.

use domain::{ClickId, Millis};
use jiff::{ToSpan, ZonedDateTime, tz::TimeZone};
use sqlx::{AssertSqlSafe, PgPool};

use crate::connect::Pools;
use crate::{Store, StoreError};

const MONTHS_AHEAD: i32 = 3;

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
    let this_month = now.timestamp().to_zoned_datetime(TimeZone::UTC).first_of_month().and_then(|first| first.start_of_day());
    let Ok(this_month) = this_month else { return Vec::new() };
    let months = (-1..=MONTHS_AHEAD).filter_map(|offset| Some((month(&this_month, offset)?, month(&this_month, offset + 1)?)));
    months.map(|(start, end)| statement(&start, &end)).collect()
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
