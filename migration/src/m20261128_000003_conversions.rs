//! What clicks led to: conversions, engagements, and the click's id on the way to the target.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = include_str!("conversions/tables.sql");
const POSTGRES: &str = include_str!("conversions/postgres.sql");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let postgres = connection.get_database_backend() == DbBackend::Postgres;
        let (uuid, clustered) = if postgres { ("UUID", "") } else { ("BLOB", " WITHOUT ROWID") };
        connection.execute_unprepared(&TABLES.replace("{uuid}", uuid).replace("{clustered}", clustered)).await?;
        if postgres {
            connection.execute_unprepared(POSTGRES).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
