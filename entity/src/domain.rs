//! A host of a workspace that serves its links, or is to.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "domains")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// Unique among the verified ones.
    pub host: String,
    /// What the proof in DNS is made from.
    pub token: String,
    /// JSON.
    pub settings: String,
    pub version: i32,
    pub created_at: i64,
    /// Set for as long as it serves links.
    pub verified_at: Option<i64>,
    pub suspended_at: Option<i64>,
    pub removed_at: Option<i64>,
    /// When DNS last answered.
    pub checked_at: Option<i64>,
    /// What was found instead of the proof.
    pub problem: Option<String>,
    /// Looks in a row that found the proof missing.
    pub lapses: i32,
    pub lapsed_since: Option<i64>,
    pub next_check_at: i64,
    /// When a person last asked to verify it.
    pub tried_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
