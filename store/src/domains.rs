//! Domains of a workspace: adding, changing, listing and removing them.

use std::collections::HashMap;

use domain::{CustomDomain, DomainId, DomainSettings, DomainSettingsChange, DomainStatus, HostName, LinkDomain, Millis};
use entity::{domain as row, domain_outbox, link_slug, workspace};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::{Conflict, StoreError, WorkspaceScope};

/// How many domains a workspace may have.
pub const MAX_DOMAINS: u64 = 100;

/// A domain to be added.
#[derive(Clone, Debug)]
pub struct NewDomain {
    pub id: DomainId,
    pub host: HostName,
    /// What the proof is made from.
    pub token: String,
}

impl WorkspaceScope {
    /// The workspace's domains by host.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn domains(&self) -> Result<Vec<CustomDomain>, StoreError> {
        let rows = self.live_domains().order_by_asc(row::Column::Host).all(&self.transaction).await?;
        rows.into_iter().map(to_domain).collect()
    }

    /// The hosts of the workspace's domains, verified or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hosts(&self) -> Result<Vec<HostName>, StoreError> {
        let hosts: Vec<String> = self.live_domains().select_only().column(row::Column::Host).into_tuple().all(&self.transaction).await?;
        Ok(hosts.into_iter().map(HostName::from_store).collect())
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn domain(&self, id: DomainId) -> Result<CustomDomain, StoreError> {
        to_domain(self.live_domains().filter(row::Column::Id.eq(id.0)).one(&self.transaction).await?.ok_or(StoreError::NotFound)?)
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn domain_by_host(&self, host: &HostName) -> Result<CustomDomain, StoreError> {
        to_domain(
            self.live_domains().filter(row::Column::Host.eq(host.as_str())).one(&self.transaction).await?.ok_or(StoreError::NotFound)?,
        )
    }

    /// Adds a host, not verified yet. One that was removed and has links comes back with them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the workspace has it already, or has [`MAX_DOMAINS`].
    pub async fn add_domain(&self, new: &NewDomain, now: Millis) -> Result<CustomDomain, StoreError> {
        // Two at once must not pass the limit together.
        let this = workspace::Entity::find_by_id(self.workspace.0).lock_exclusive();
        this.one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        let stored = self.all_domains().filter(row::Column::Host.eq(new.host.as_str())).one(&self.transaction).await?;
        if stored.as_ref().is_some_and(|stored| stored.removed_at.is_none()) {
            return Err(StoreError::Conflict(Conflict::Domain));
        }
        if self.live_domains().count(&self.transaction).await? >= MAX_DOMAINS {
            return Err(StoreError::Conflict(Conflict::DomainLimit));
        }
        if let Some(stored) = stored {
            let again = row::ActiveModel {
                token: Set(new.token.clone()),
                version: Set(stored.version + 1),
                removed_at: Set(None),
                checked_at: Set(None),
                problem: Set(None),
                tried_at: Set(None),
                ..Default::default()
            };
            self.write_domain(stored.id, again).await?;
            return self.domain(DomainId(stored.id)).await;
        }
        let added = row::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.workspace.0),
            host: Set(new.host.as_str().to_owned()),
            token: Set(new.token.clone()),
            settings: Set(json(&DomainSettings::default())?),
            version: Set(1),
            created_at: Set(now.0),
            lapses: Set(0),
            next_check_at: Set(now.0),
            ..Default::default()
        };
        row::Entity::insert(added).exec_without_returning(&self.transaction).await.map_err(StoreError::of_write)?;
        self.domain(new.id).await
    }

    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when case is to matter, or no longer,
    /// although the domain has links, or when `expected_version` is not the stored one.
    pub async fn update_domain(
        &self,
        id: DomainId,
        change: DomainSettingsChange,
        expected_version: Option<i32>,
    ) -> Result<CustomDomain, StoreError> {
        let stored = self.locked_domain(id).await?;
        if expected_version.is_some_and(|expected| expected != stored.version) {
            return Err(StoreError::Conflict(Conflict::Version));
        }
        let before = settings(&stored.settings)?;
        let after = before.clone().with(change);
        // Slugs are stored in the form that they are looked up by.
        if after.case_sensitive != before.case_sensitive && self.has_links(stored.id).await? {
            return Err(StoreError::Conflict(Conflict::DomainInUse));
        }
        let version = stored.version + 1;
        self.write_domain(stored.id, row::ActiveModel { settings: Set(json(&after)?), version: Set(version), ..Default::default() })
            .await?;
        // Of hosts that nobody has proven redirectors know nothing.
        if stored.verified_at.is_some() {
            self.tell_of_host(&stored, version).await?;
        }
        self.domain(id).await
    }

    /// Removes a domain; its host is kept for this workspace for 30 days if it served links. Its
    /// links stay, and are found again when the host is added again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn remove_domain(&self, id: DomainId, now: Millis) -> Result<HostName, StoreError> {
        let stored = self.locked_domain(id).await?;
        if stored.verified_at.is_some() {
            self.quarantine(&stored.host, now).await?;
        }
        if self.has_links(stored.id).await? {
            let removed = row::ActiveModel {
                version: Set(stored.version + 1),
                verified_at: Set(None),
                suspended_at: Set(None),
                removed_at: Set(Some(now.0)),
                lapses: Set(0),
                lapsed_since: Set(None),
                ..Default::default()
            };
            self.write_domain(stored.id, removed).await?;
        } else {
            row::Entity::delete_by_id(stored.id).filter(row::Column::WorkspaceId.eq(self.workspace.0)).exec(&self.transaction).await?;
        }
        if stored.verified_at.is_some() {
            self.tell_of_host(&stored, stored.version + 1).await?;
        }
        Ok(HostName::from_store(stored.host))
    }

    /// The domain that a link is made on, which stays as it is until the transaction ends.
    pub(crate) async fn domain_of_new_link(&self, id: Option<DomainId>) -> Result<Option<LinkDomain>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        let stored = self.live_domains().filter(row::Column::Id.eq(id.0)).lock_shared().one(&self.transaction).await?;
        Ok(Some(to_link_domain(stored.ok_or(StoreError::NotFound)?)?))
    }

    /// What links need to know of their domains, removed ones included.
    pub(crate) async fn link_domains(&self, ids: impl IntoIterator<Item = Uuid>) -> Result<HashMap<Uuid, LinkDomain>, StoreError> {
        let mut ids: Vec<Uuid> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        ids.sort_unstable();
        ids.dedup();
        let rows = self.all_domains().filter(row::Column::Id.is_in(ids)).all(&self.transaction).await?;
        rows.into_iter().map(|row| Ok((row.id, to_link_domain(row)?))).collect()
    }

    fn all_domains(&self) -> Select<row::Entity> {
        row::Entity::find().filter(row::Column::WorkspaceId.eq(self.workspace.0))
    }

    fn live_domains(&self) -> Select<row::Entity> {
        self.all_domains().filter(row::Column::RemovedAt.is_null())
    }

    pub(crate) async fn locked_domain(&self, id: DomainId) -> Result<row::Model, StoreError> {
        self.live_domains().filter(row::Column::Id.eq(id.0)).lock_exclusive().one(&self.transaction).await?.ok_or(StoreError::NotFound)
    }

    async fn has_links(&self, domain: Uuid) -> Result<bool, StoreError> {
        let slugs = link_slug::Entity::find().filter(link_slug::Column::WorkspaceId.eq(self.workspace.0));
        Ok(slugs.filter(link_slug::Column::DomainId.eq(domain)).limit(1).one(&self.transaction).await?.is_some())
    }

    pub(crate) async fn write_domain(&self, id: Uuid, changed: row::ActiveModel) -> Result<(), StoreError> {
        let update = row::Entity::update_many().set(changed).filter(row::Column::WorkspaceId.eq(self.workspace.0));
        update.filter(row::Column::Id.eq(id)).exec(&self.transaction).await.map_err(StoreError::of_write)?;
        Ok(())
    }

    /// Notes for the snapshot that a host is not what it was.
    pub(crate) async fn tell_of_host(&self, stored: &row::Model, version: i32) -> Result<(), StoreError> {
        if !self.link_outbox {
            return Ok(());
        }
        let change = domain_outbox::ActiveModel {
            workspace_id: Set(self.workspace.0),
            host: Set(stored.host.clone()),
            domain_id: Set(stored.id),
            version: Set(version),
            ..Default::default()
        };
        domain_outbox::Entity::insert(change).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}

fn to_domain(row: row::Model) -> Result<CustomDomain, StoreError> {
    let status = match (row.verified_at, row.suspended_at, &row.problem) {
        (Some(_), _, _) => DomainStatus::Verified,
        (None, Some(_), _) => DomainStatus::Suspended,
        (None, None, Some(_)) => DomainStatus::Failed,
        (None, None, None) => DomainStatus::Pending,
    };
    Ok(CustomDomain {
        id: DomainId(row.id),
        host: HostName::from_store(row.host),
        status,
        token: row.token,
        settings: settings(&row.settings)?,
        version: row.version,
        created_at: Millis(row.created_at),
        verified_at: row.verified_at.map(Millis),
        checked_at: row.checked_at.map(Millis),
        lapsed_since: row.lapsed_since.map(Millis),
        problem: row.problem,
    })
}

fn to_link_domain(row: row::Model) -> Result<LinkDomain, StoreError> {
    let case_sensitive = settings(&row.settings)?.case_sensitive;
    Ok(LinkDomain { id: DomainId(row.id), host: HostName::from_store(row.host), case_sensitive })
}

pub(crate) fn settings(json: &str) -> Result<DomainSettings, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Internal(format!("a domain's settings cannot be read: {error}")))
}

fn json(settings: &DomainSettings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|error| StoreError::Internal(error.to_string()))
}
