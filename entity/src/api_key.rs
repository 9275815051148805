//! A key that a program acts with; revoked ones stay for a while.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// Separated by spaces.
    pub scopes: String,
    /// CIDRs, separated by spaces.
    pub networks: String,
    /// Raised by every change that redirectors must know.
    pub version: i32,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    /// Written at most once a minute.
    pub last_used_at: Option<i64>,
    /// A user, who may be gone; null where that was not noted.
    pub created_by: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
