//! The last place given in a workspace's order of storage; its row lock serialises ingest.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_heads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    pub head: i64,
    /// Clicks from before this, in Unix milliseconds, are not kept.
    pub kept_from: i64,
    /// All clicks from before this are deleted.
    pub cleared_to: i64,
    /// The highest place that was deleted because its time was over.
    pub purged_to: i64,
    /// Clicks deleted since the audit log was told last.
    pub purged: i64,
    /// Addresses removed since the audit log was told last.
    pub addresses_removed: i64,
    pub addresses_told_at: i64,
    /// Clicks from before this may have lost the id that their visitor consented to.
    pub visitors_from: i64,
    /// Clicks that lost one since the audit log was told last.
    pub visitors_removed: i64,
    pub visitors_told_at: i64,
    /// The zone of the days that cells are of.
    pub day_zone: String,
    /// Cells have dimensions from this quarter-hour on.
    pub dimensions_from: i64,
    /// Dimensions of times before this quarter-hour are kept by the day only.
    pub folded_before: i64,
    /// The first number that no value has yet.
    pub next_value: i64,
    /// JSON.
    pub counted_parameters: String,
    /// There are sketches of visitors from this quarter-hour on.
    pub sketches_from: i64,
    /// How often values were forgotten.
    pub values_forgotten: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
