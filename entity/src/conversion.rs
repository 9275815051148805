//! What a click led to.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// The caller's own.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: String,
    pub click_id: Uuid,
    pub link_id: Uuid,
    pub name: String,
    /// In the currency's smallest unit; null with the currency.
    pub amount: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    pub occurred_at: i64,
    pub received_at: i64,
    /// The code of a `domain::ConversionSource`.
    pub source: i16,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
