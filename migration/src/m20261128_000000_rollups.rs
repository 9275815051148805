//! Rollup cells by dimension: hours and days beside the quarter-hours, and the numbers of values.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = include_str!("rollups/tables.sql");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let postgres = connection.get_database_backend() == DbBackend::Postgres;
        let (uuid, clustered) = if postgres { ("UUID", "") } else { ("BLOB", " WITHOUT ROWID") };
        connection.execute_unprepared(&TABLES.replace("{uuid}", uuid).replace("{clustered}", clustered)).await?;
        let own = if postgres { include_str!("rollups/postgres.sql") } else { include_str!("rollups/sqlite.sql") };
        connection.execute_unprepared(own).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
