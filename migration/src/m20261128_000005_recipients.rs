//! Whom links were sent to: lists of recipients, and the parameter that tells them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = include_str!("recipients/tables.sql");
const POSTGRES: &str = include_str!("recipients/postgres.sql");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let postgres = connection.get_database_backend() == DbBackend::Postgres;
        let (uuid, bytes, clustered) = if postgres { ("UUID", "COLLATE \"C\"", "") } else { ("BLOB", "", " WITHOUT ROWID") };
        let tables = TABLES.replace("{uuid}", uuid).replace("{bytes}", bytes).replace("{clustered}", clustered);
        connection.execute_unprepared(&tables).await?;
        if postgres {
            connection.execute_unprepared(POSTGRES).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
