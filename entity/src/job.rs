//! Something done in the background for a workspace.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub kind: i16,
    pub status: i16,
    /// What was asked for, as JSON.
    pub input: String,
    /// The last click that is done with.
    pub position: Uuid,
    pub looked: i64,
    pub changed: i64,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    /// Until then a process is at it.
    pub leased_until: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
