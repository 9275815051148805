//! A stored click.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "clicks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// Place in the workspace's order of storage.
    pub seq: i64,
    /// The id's milliseconds.
    pub occurred_at: i64,
    pub link_id: Uuid,
    pub link_version: i32,
    pub outcome: i16,
    pub status: i16,
    pub method: i16,
    pub url: String,
    pub target_url: String,
    pub verdict: i16,
    pub verdict_reason: i16,
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub os: Option<String>,
    pub os_version: Option<String>,
    pub device: i16,
    pub language: Option<String>,
    pub user_agent: Option<String>,
    pub referrer: Option<String>,
    pub referrer_host: Option<String>,
    pub utm_source: Option<String>,
    pub utm_medium: Option<String>,
    pub utm_campaign: Option<String>,
    pub utm_term: Option<String>,
    pub utm_content: Option<String>,
    /// JSON array of `{key, value}`.
    pub parameters: String,
    pub network: Option<String>,
    pub redirect_micros: i32,
    pub rule_id: Option<String>,
    pub rule_name: Option<String>,
    pub variant: Option<String>,
    pub channel: Option<i16>,
    pub rules_version: i16,
    pub geo_version: Option<i64>,
    /// Of the autonomous system.
    pub system_number: Option<i64>,
    pub system_name: Option<String>,
    pub system_version: Option<i64>,
    pub visitor: Option<String>,
    pub visitor_recipe: Option<i16>,
    pub ip: Option<String>,
    pub signals: i64,
    /// Bits: first of its visitor's day for the link (1), for the workspace (2); told apart at all (4).
    pub first_of_day: i16,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
