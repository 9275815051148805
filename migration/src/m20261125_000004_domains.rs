//! Hosts of workspaces that serve links, hosts in quarantine, and the outbox of changed hosts.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = include_str!("domains/tables.sql");
const POSTGRES: &str = include_str!("domains/postgres.sql");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let postgres = connection.get_database_backend() == DbBackend::Postgres;
        let (uuid, serial) = if postgres {
            ("UUID", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        } else {
            ("BLOB", "INTEGER PRIMARY KEY AUTOINCREMENT")
        };
        connection.execute_unprepared(&TABLES.replace("{uuid}", uuid).replace("{serial}", serial)).await?;
        if postgres {
            connection.execute_unprepared(POSTGRES).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
