//! The counts of one piece of time of one link, or of the whole workspace (nil link).

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rollup_cells")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub link_id: Uuid,
    /// 0 a quarter-hour's totals, 1 an hour by dimension, 2 a day of the workspace's zone.
    #[sea_orm(primary_key, auto_increment = false)]
    pub grain: i16,
    /// The quarter-hour that it begins with, counted from 1970, UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub quarter: i64,
    /// The packed counts; see `store`'s cell.
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
