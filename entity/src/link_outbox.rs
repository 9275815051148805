//! Slugs whose link changed and that the snapshot of links has not been told of yet.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "link_outbox")]
pub struct Model {
    /// Rises in the order of writing.
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: Uuid,
    /// Nil for the shared short domain.
    pub domain_id: Uuid,
    pub folded: String,
    pub link_id: Uuid,
    /// The link's version after the change.
    pub version: i32,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
