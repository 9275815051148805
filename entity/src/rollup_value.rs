//! A value of a dimension that cells know by number.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rollup_values")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// The part of cells that has the dimension.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub value: String,
    pub id: i64,
    /// Of links, whose value is the same as a text.
    pub link_id: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
