//! Hosts whose domain changed and that the snapshot of links has not been told of yet.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "domain_outbox")]
pub struct Model {
    /// Rises in the order of writing.
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: Uuid,
    pub host: String,
    pub domain_id: Uuid,
    /// The domain's version after the change.
    pub version: i32,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
