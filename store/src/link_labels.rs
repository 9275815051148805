//! Tags, folders and metadata of links: written with their link, read with it, and told as lists of
//! what there is in a workspace.

use std::collections::HashMap;

use domain::{Folder, LinkId, LinkLabels, Metadata, MetadataValue, Tag};
use entity::{link, link_metadata, link_tag};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use crate::filter_sql::by_bytes;
use crate::{StoreError, WorkspaceScope};

/// A tag or folder and how many links have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    pub name: String,
    pub links: u64,
}

/// The most tags, and folders, that are told of.
const MOST_SHARED: u64 = 500;

impl WorkspaceScope {
    /// The tags of links that are not deleted: those of most links first, then by name, at most 500. Of several
    /// ways to write a tag the first in the order of bytes is told.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tags(&self) -> Result<Vec<Shared>, StoreError> {
        let sql = format!(
            "SELECT min(t.name{bytes}) AS name, count(*) AS links FROM link_tags t JOIN links l ON l.id = t.link_id \
             WHERE t.workspace_id = $1 AND l.workspace_id = $1 AND l.deleted_at IS NULL \
             GROUP BY t.tag ORDER BY 2 DESC, t.tag{bytes} LIMIT {MOST_SHARED}",
            bytes = by_bytes(self)
        );
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, [self.workspace.0.into()]);
        let rows = self.transaction.query_all_raw(statement).await?;
        let shared = |row: &sea_orm::QueryResult| Ok(Shared { name: row.try_get("", "name")?, links: count(row.try_get("", "links")?) });
        rows.iter().map(shared).collect()
    }

    /// The folders of links that are not deleted, as [`Self::tags`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn folders(&self) -> Result<Vec<Shared>, StoreError> {
        let rows: Vec<(String, i64)> = self
            .all()
            .select_only()
            .column(link::Column::Folder)
            .column_as(link::Column::Id.count(), "links")
            .filter(link::Column::DeletedAt.is_null())
            .filter(link::Column::Folder.is_not_null())
            .group_by(link::Column::Folder)
            .order_by(link::Column::Id.count(), Order::Desc)
            .order_by(Expr::cust(format!("folder{}", by_bytes(self))), Order::Asc)
            .limit(MOST_SHARED)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(|(name, links)| Shared { name, links: count(links) }).collect())
    }

    /// Makes these the link's tags.
    pub(crate) async fn write_tags(&self, link: LinkId, tags: &[Tag]) -> Result<(), StoreError> {
        link_tag::Entity::delete_many()
            .filter(link_tag::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link_tag::Column::LinkId.eq(link.0))
            .exec(&self.transaction)
            .await?;
        let row = |(position, tag): (i16, &Tag)| link_tag::ActiveModel {
            workspace_id: Set(self.workspace.0),
            tag: Set(tag.folded()),
            link_id: Set(link.0),
            name: Set(tag.as_str().to_owned()),
            position: Set(position),
        };
        if !tags.is_empty() {
            link_tag::Entity::insert_many((0..).zip(tags).map(row)).exec_without_returning(&self.transaction).await?;
        }
        Ok(())
    }

    /// Makes this the link's metadata.
    pub(crate) async fn write_metadata(&self, link: LinkId, metadata: &Metadata) -> Result<(), StoreError> {
        link_metadata::Entity::delete_many()
            .filter(link_metadata::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link_metadata::Column::LinkId.eq(link.0))
            .exec(&self.transaction)
            .await?;
        let row = |(position, (key, value)): (i16, &(String, MetadataValue))| link_metadata::ActiveModel {
            workspace_id: Set(self.workspace.0),
            link_id: Set(link.0),
            key: Set(key.clone()),
            value: Set(value.text()),
            kind: Set(kind(value)),
            position: Set(position),
        };
        if !metadata.entries().is_empty() {
            let rows = (0..).zip(metadata.entries()).map(row);
            link_metadata::Entity::insert_many(rows).exec_without_returning(&self.transaction).await?;
        }
        Ok(())
    }

    /// What these links are sorted by, by their ids.
    pub(crate) async fn labels_of(&self, rows: &[link::Model]) -> Result<HashMap<Uuid, LinkLabels>, StoreError> {
        let folder = |row: &link::Model| row.folder.clone().map(Folder::from_store);
        let bare = |row: &link::Model| (row.id, LinkLabels { folder: folder(row), ..LinkLabels::default() });
        let mut labels: HashMap<Uuid, LinkLabels> = rows.iter().map(bare).collect();
        if rows.is_empty() {
            return Ok(labels);
        }
        let tags = link_tag::Entity::find()
            .filter(link_tag::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link_tag::Column::LinkId.is_in(rows.iter().map(|row| row.id)))
            .order_by_asc(link_tag::Column::Position)
            .all(&self.transaction)
            .await?;
        for row in tags {
            labels.entry(row.link_id).or_default().tags.push(Tag::from_store(row.name));
        }
        let metadata = link_metadata::Entity::find()
            .filter(link_metadata::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link_metadata::Column::LinkId.is_in(rows.iter().map(|row| row.id)))
            .order_by_asc(link_metadata::Column::Position)
            .all(&self.transaction)
            .await?;
        let mut entries: HashMap<Uuid, Vec<(String, MetadataValue)>> = HashMap::new();
        for row in metadata {
            let (link, key) = (row.link_id, row.key.clone());
            entries.entry(link).or_default().push((key, read_value(row)?));
        }
        for (link, entries) in entries {
            labels.entry(link).or_default().metadata = Metadata::from_store(entries);
        }
        Ok(labels)
    }
}

fn count(links: i64) -> u64 {
    links.unsigned_abs()
}

fn kind(value: &MetadataValue) -> i16 {
    match value {
        MetadataValue::Text(_) => 0,
        MetadataValue::Number(_) => 1,
        MetadataValue::Flag(_) => 2,
    }
}

fn read_value(row: link_metadata::Model) -> Result<MetadataValue, StoreError> {
    let unreadable = || StoreError::Internal(format!("the metadata {} of a link cannot be read", row.key));
    match row.kind {
        0 => Ok(MetadataValue::Text(row.value)),
        1 => serde_json::from_str(&row.value).map(MetadataValue::Number).map_err(|_| unreadable()),
        2 => Ok(MetadataValue::Flag(row.value == "true")),
        _ => Err(unreadable()),
    }
}
