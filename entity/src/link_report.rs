//! What a visitor said is wrong with a link.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "link_reports")]
pub struct Model {
    /// UUIDv7: holds when it came.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub link_id: Uuid,
    /// The name of a `domain::ReportReason`.
    pub reason: String,
    pub text: Option<String>,
    pub resolved_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
