//! A tracked link; deleted ones stay as tombstones.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// As written; unique by its folded form in `link_slugs`.
    pub slug: String,
    /// Serialised by the URL parser.
    pub target_url: String,
    pub title: Option<String>,
    /// The caller's own id, unique in the workspace.
    pub external_id: Option<String>,
    pub redirect_status: i16,
    pub forward_query: bool,
    pub version: i32,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
    pub disabled: bool,
    pub starts_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub fallback_url: Option<String>,
    /// A PHC string.
    pub password_hash: Option<String>,
    pub click_limit: Option<i64>,
    /// Versioned JSON.
    pub rules: Option<String>,
    pub archived_at: Option<i64>,
    pub description: Option<String>,
    /// Serialised by the URL parser.
    pub image_url: Option<String>,
    pub click_limit_mode: i16,
    /// Null for the shared short domain.
    pub domain_id: Option<Uuid>,
    pub folder: Option<String>,
    /// Whether the redirect adds the click's id to the target.
    pub append_click_id: bool,
    /// A user, who may be gone; null where that was not noted.
    pub created_by: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
