//! Which groups the links of a workspace are in: what clicks are broken down by that only their links say. What is
//! counted of each link is summed up by the groups that it is in now.

use std::collections::{BTreeMap, HashMap};

use domain::{Dimension, DimensionValue, LinkId};
use entity::{domain as own_domain, link, link_metadata, link_tag};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{StoreError, WorkspaceScope};

/// What links are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkGroup {
    /// A link is in as many groups as it has tags. Ways to write a tag that differ by case are one group, with
    /// the name that [`WorkspaceScope::tags`] has for them.
    Tag,
    Folder,
    /// Hosts of the workspace's own domains, removed ones too; links on the shared one are in no group.
    Domain,
    /// The values of this key of their metadata, as filters name them.
    Metadata(String),
}

impl LinkGroup {
    /// What a dimension of links is grouped by; `None` of the others. `key` is that of metadata.
    pub fn of(dimension: Dimension, key: Option<&str>) -> Option<Self> {
        match dimension {
            Dimension::Tag => Some(Self::Tag),
            Dimension::Folder => Some(Self::Folder),
            Dimension::Domain => Some(Self::Domain),
            Dimension::Metadata => Some(Self::Metadata(key.unwrap_or_default().to_owned())),
            _ => None,
        }
    }
}

/// The groups of links, as values: none of them is without one.
pub(crate) struct Groups {
    of: HashMap<LinkId, Vec<DimensionValue>>,
    /// What a link is in that is in none.
    rest: DimensionValue,
}

impl Groups {
    pub fn of(&self, link: LinkId) -> &[DimensionValue] {
        self.of.get(&link).map_or(std::slice::from_ref(&self.rest), Vec::as_slice)
    }

    /// The same of a link that is a value.
    pub fn of_value(&self, value: &DimensionValue) -> &[DimensionValue] {
        if let DimensionValue::Link(link) = value { self.of(*link) } else { std::slice::from_ref(&self.rest) }
    }

    /// What was found by link, by group. Each link's is counted with each of its groups.
    pub fn sum<T: Default>(&self, by_link: &HashMap<DimensionValue, T>, add: impl Fn(&mut T, &T)) -> HashMap<DimensionValue, T> {
        let mut sums: HashMap<DimensionValue, T> = HashMap::new();
        for (link, found) in by_link {
            self.of_value(link).iter().for_each(|group| add(sums.entry(group.clone()).or_default(), found));
        }
        sums
    }
}

impl WorkspaceScope {
    /// The groups of every link as it is now; `shared_domain` is what the domain of links on the shared one is called.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn groups_of_links(&self, group: &LinkGroup, shared_domain: &str) -> Result<Groups, StoreError> {
        let values = |texts: Vec<String>| texts.into_iter().map(DimensionValue::Text).collect();
        let of = self.links_by(group).await?.into_iter().map(|(link, texts)| (link, values(texts))).collect();
        let rest = if *group == LinkGroup::Domain { DimensionValue::Text(shared_domain.to_owned()) } else { DimensionValue::Unknown };
        Ok(Groups { of, rest })
    }

    /// The groups of each link as it is now, deleted ones included. Links that are in none are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn links_by(&self, group: &LinkGroup) -> Result<HashMap<LinkId, Vec<String>>, StoreError> {
        let rows = match group {
            LinkGroup::Tag => self.tagged().await?,
            LinkGroup::Folder => self.with_column(link::Column::Folder).await?,
            LinkGroup::Domain => self.on_own_domains().await?,
            LinkGroup::Metadata(key) => self.with_metadata(key).await?,
        };
        let mut groups: HashMap<LinkId, Vec<String>> = HashMap::new();
        rows.into_iter().for_each(|(link, value)| groups.entry(LinkId(link)).or_default().push(value));
        Ok(groups)
    }

    async fn tagged(&self) -> Result<Vec<(Uuid, String)>, StoreError> {
        use link_tag::Column;
        let rows: Vec<(Uuid, String, String)> = link_tag::Entity::find()
            .select_only()
            .columns([Column::LinkId, Column::Tag, Column::Name])
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .order_by_asc(Column::Position)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (_, tag, name) in &rows {
            let known = names.entry(tag.clone()).or_insert_with(|| name.clone());
            if name < known {
                known.clone_from(name);
            }
        }
        Ok(rows.into_iter().map(|(link, tag, name)| (link, names.get(&tag).cloned().unwrap_or(name))).collect())
    }

    async fn with_column(&self, column: link::Column) -> Result<Vec<(Uuid, String)>, StoreError> {
        let query = self.all().select_only().column(link::Column::Id).column(column).filter(column.is_not_null());
        Ok(query.into_tuple().all(&self.transaction).await?)
    }

    async fn on_own_domains(&self) -> Result<Vec<(Uuid, String)>, StoreError> {
        let hosts: HashMap<Uuid, String> = own_domain::Entity::find()
            .select_only()
            .columns([own_domain::Column::Id, own_domain::Column::Host])
            .filter(own_domain::Column::WorkspaceId.eq(self.workspace.0))
            .into_tuple::<(Uuid, String)>()
            .all(&self.transaction)
            .await?
            .into_iter()
            .collect();
        let query =
            self.all().select_only().columns([link::Column::Id, link::Column::DomainId]).filter(link::Column::DomainId.is_not_null());
        let links: Vec<(Uuid, Uuid)> = query.into_tuple().all(&self.transaction).await?;
        Ok(links.into_iter().filter_map(|(link, domain)| Some((link, hosts.get(&domain)?.clone()))).collect())
    }

    async fn with_metadata(&self, key: &str) -> Result<Vec<(Uuid, String)>, StoreError> {
        use link_metadata::Column;
        let query = link_metadata::Entity::find().select_only().columns([Column::LinkId, Column::Value]);
        let of_key = query.filter(Column::WorkspaceId.eq(self.workspace.0)).filter(Column::Key.eq(key));
        Ok(of_key.into_tuple().all(&self.transaction).await?)
    }
}
