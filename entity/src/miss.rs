//! Requests for slugs that are no link, on workspaces' own domains.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "misses")]
pub struct Model {
    /// UUIDv7: holds when it was.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub domain_id: Uuid,
    pub slug: Option<String>,
    pub occurred_at: i64,
    /// The code of a `domain::Verdict`.
    pub verdict: i16,
    pub network: Option<String>,
    pub country: Option<String>,
    pub user_agent: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
