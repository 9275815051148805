//! A tenant.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    /// Unique in the installation.
    pub slug: String,
    /// IANA name.
    pub time_zone: String,
    pub created_at: i64,
    /// As the header has it; null sends none.
    pub referrer_policy: Option<String>,
    /// Raised whenever what redirectors know of the workspace changes.
    pub policy_version: i32,
    /// JSON; null is the default in everything.
    pub privacy: Option<String>,
    /// From then on it goes; null while nobody asked for it.
    pub deletion_at: Option<i64>,
    /// How long after its click a conversion is taken.
    pub attribution_days: i16,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
