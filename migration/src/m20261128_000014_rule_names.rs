//! What rules are called, for as long as anything is counted by them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = include_str!("rule_names/tables.sql");
const SQLITE: &str = include_str!("rule_names/sqlite.sql");
const POSTGRES: &str = include_str!("rule_names/postgres.sql");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let postgres = connection.get_database_backend() == DbBackend::Postgres;
        let (uuid, clustered, own) = if postgres { ("UUID", "", POSTGRES) } else { ("BLOB", " WITHOUT ROWID", SQLITE) };
        let tables = TABLES.replace("{uuid}", uuid).replace("{clustered}", clustered);
        connection.execute_unprepared(&tables).await?;
        connection.execute_unprepared(own).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
