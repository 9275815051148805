//! A record that could not be stored, for a replay.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "dead_letters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub frame_id: String,
    pub reason: String,
    /// Without the visitor's address; empty where no address can be told from the rest.
    pub record: Vec<u8>,
    pub created_at: i64,
    /// The whole record, as long as the key of its day is there.
    pub sealed: Option<String>,
    /// Day of UTC, since 1970-01-01.
    pub sealed_day: Option<i32>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
