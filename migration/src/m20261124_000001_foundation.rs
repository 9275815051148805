//! Accounts, workspaces, links, clicks and their counts; on PostgreSQL also the roles, policies
//! and look-up functions that keep tenants apart.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = include_str!("foundation/tables.sql");
const POSTGRES: &str = include_str!("foundation/postgres.sql");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let postgres = connection.get_database_backend() == DbBackend::Postgres;
        connection.execute_unprepared(&for_dialect(TABLES, postgres)).await?;
        if postgres {
            connection.execute_unprepared(POSTGRES).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn for_dialect(sql: &str, postgres: bool) -> String {
    let (uuid, bytes, clustered, by_month) =
        if postgres { ("UUID", "BYTEA", "", " PARTITION BY RANGE (id)") } else { ("BLOB", "BLOB", " WITHOUT ROWID", "") };
    sql.replace("{uuid}", uuid).replace("{bytes}", bytes).replace("{clustered}", clustered).replace("{by_month}", by_month)
}
