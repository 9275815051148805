//! Hours in cells are counted from the local midnight. Where clocks are not whole hours off UTC's, days are counted anew
//! by workers, as those from before cells had dimensions are.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// Those whose offset is or was lately no whole hour: the IANA time zone database of 2025.
const AGAIN: &str = "UPDATE workspace_heads SET dimensions_from = 9223372036854775807 WHERE head > 0 AND day_zone IN ( \
    'America/St_Johns', 'Asia/Calcutta', 'Asia/Colombo', 'Asia/Kabul', 'Asia/Kathmandu', 'Asia/Katmandu', 'Asia/Kolkata', 'Asia/Rangoon', 'Asia/Tehran', 'Asia/Yangon', 'Australia/Adelaide', 'Australia/Broken_Hill', 'Australia/Darwin', 'Australia/Eucla', 'Australia/LHI', 'Australia/Lord_Howe', 'Australia/North', 'Australia/South', 'Australia/Yancowinna', 'Canada/Newfoundland', 'Indian/Cocos', 'Iran', 'NZ-CHAT', 'Pacific/Chatham', 'Pacific/Marquesas')";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's own signature")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        // The owner sees all rows for as long as this takes.
        let owner = connection.get_database_backend() == DbBackend::Postgres;
        if owner {
            connection.execute_unprepared("ALTER TABLE workspace_heads NO FORCE ROW LEVEL SECURITY").await?;
        }
        connection.execute_unprepared(AGAIN).await?;
        if owner {
            connection.execute_unprepared("ALTER TABLE workspace_heads FORCE ROW LEVEL SECURITY").await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
