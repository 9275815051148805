//! What was done in a workspace; rows are only added.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// Holds the instant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// 0 the program, 1 a user, 2 an API key.
    pub actor_kind: i16,
    pub actor_id: Option<Uuid>,
    pub action: String,
    /// JSON object.
    pub details: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
