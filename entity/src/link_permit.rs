//! How many clicks of a limited link have been granted.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "link_permits")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub link_id: Uuid,
    pub workspace_id: Uuid,
    pub click_limit: i64,
    /// Handed out to redirectors, used or not.
    pub granted: i64,
    /// By the last lease of an earlier version.
    pub leased: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
