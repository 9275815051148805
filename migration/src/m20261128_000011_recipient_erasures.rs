//! Erasing somebody by the id that they have as a recipient.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let uuid = if connection.get_database_backend() == DbBackend::Postgres { "UUID" } else { "BLOB" };
        connection.execute_unprepared(&include_str!("recipient_erasures/columns.sql").replace("{uuid}", uuid)).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
