//! Keys and workspaces that changed and that the snapshot of links has not been told of yet.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_outbox")]
pub struct Model {
    /// Rises in the order of writing.
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: Uuid,
    /// 0 for a key, 1 for a workspace.
    pub kind: i16,
    pub subject: Uuid,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
