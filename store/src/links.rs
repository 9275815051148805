//! Links of a workspace and the slugs that lead to them. A deleted link stays as a tombstone: its
//! slugs go on answering 410, its clicks and counts stay.

use domain::{
    Link, LinkAbout, LinkAddress, LinkChange, LinkDomain, LinkId, LinkKind, LinkLabels, Millis, NewLink, RedirectStatus, Slug, TargetUrl,
    UserId, WorkspaceId,
};
use entity::{link, link_slug, link_stat};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use crate::gates::{StoredGate, write_change, write_gate};
use crate::{Conflict, StoreError, WorkspaceScope};

/// The domain id of the shared short domain.
pub(crate) const SHARED_DOMAIN: Uuid = Uuid::nil();

impl WorkspaceScope {
    /// # Errors
    /// [`StoreError::Conflict`] when the slug or the external id is taken, [`StoreError::NotFound`]
    /// when the workspace has no such domain.
    pub async fn create_link(&self, new: &NewLink, now: Millis) -> Result<Link, StoreError> {
        let domain = self.domain_of_new_link(new.domain).await?;
        let mut row = link::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.workspace.0),
            slug: Set(new.slug.as_str().to_owned()),
            target_url: Set(new.target.as_str().to_owned()),
            title: Set(new.title.clone()),
            external_id: Set(new.external_id.clone()),
            description: Set(new.about.description.clone()),
            image_url: Set(new.about.image.as_ref().map(|image| image.as_str().to_owned())),
            redirect_status: Set(status(new.redirect_status)),
            forward_query: Set(new.forward_query),
            append_click_id: Set(new.append_click_id),
            version: Set(1),
            created_at: Set(now.0),
            created_by: Set(new.created_by.map(|user| user.0)),
            updated_at: Set(now.0),
            deleted_at: Set(None),
            domain_id: Set(new.domain.map(|domain| domain.0)),
            folder: Set(new.labels.folder.as_ref().map(|folder| folder.as_str().to_owned())),
            ..Default::default()
        };
        write_gate(&mut row, &new.gate)?;
        link::Entity::insert(row).exec_without_returning(&self.transaction).await.map_err(StoreError::of_write)?;
        self.insert_slug(new.id, domain.as_ref(), &new.slug).await?;
        self.write_tags(new.id, &new.labels.tags).await?;
        self.write_metadata(new.id, &new.labels.metadata).await?;
        self.limit_permits(new.id, new.gate.click_limit).await?;
        self.remember_rules(&new.gate.rules).await?;
        self.record_change(new.id, 1).await?;
        self.link(new.id).await
    }

    async fn insert_slug(&self, link: LinkId, domain: Option<&LinkDomain>, slug: &Slug) -> Result<(), StoreError> {
        let row = link_slug::ActiveModel {
            domain_id: Set(domain.map_or(SHARED_DOMAIN, |domain| domain.id.0)),
            folded: Set(slug.key(domain.is_some_and(|domain| domain.case_sensitive))),
            workspace_id: Set(self.workspace.0),
            link_id: Set(link.0),
        };
        link_slug::Entity::insert(row).exec_without_returning(&self.transaction).await.map_err(StoreError::of_write)?;
        Ok(())
    }

    /// Changes a link and raises its version. A new slug leaves the old one as an alias.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when `expected_version` is not the
    /// stored one, or the slug or external id is taken.
    pub async fn update_link(
        &self,
        id: LinkId,
        change: LinkChange,
        expected_version: Option<i32>,
        now: Millis,
    ) -> Result<Link, StoreError> {
        let row = self.live_row(id).await?;
        if expected_version.is_some_and(|expected| expected != row.version) {
            return Err(StoreError::Conflict(Conflict::Version));
        }
        if let Some(slug) = &change.slug {
            let domain = self.link_domains(row.domain_id).await?.into_values().next();
            let key = slug.key(domain.as_ref().is_some_and(|domain| domain.case_sensitive));
            if !self.slugs_of(id).await?.iter().any(|address| address.folded == key) {
                self.insert_slug(id, domain.as_ref(), slug).await?;
            }
        }
        let mut changed = link::ActiveModel { version: Set(row.version + 1), updated_at: Set(now.0), ..Default::default() };
        set(&mut changed.slug, change.slug.map(|slug| slug.as_str().to_owned()));
        set(&mut changed.target_url, change.target.map(|target| target.as_str().to_owned()));
        set(&mut changed.title, change.title);
        set(&mut changed.external_id, change.external_id);
        set(&mut changed.description, change.description);
        set(&mut changed.image_url, change.image.map(|image| image.map(|image| image.as_str().to_owned())));
        set(&mut changed.redirect_status, change.redirect_status.map(status));
        set(&mut changed.forward_query, change.forward_query);
        set(&mut changed.folder, change.labels.folder.map(|folder| folder.map(|folder| folder.as_str().to_owned())));
        set(&mut changed.append_click_id, change.append_click_id);
        if let Some(limit) = change.gate.click_limit {
            self.limit_permits(id, limit).await?;
        }
        if let Some(rules) = &change.gate.rules {
            self.remember_rules(rules).await?;
        }
        write_change(&mut changed, change.gate)?;
        // The row first: it is what others who change the link wait for.
        self.write(id, row.version, changed).await?;
        if let Some(tags) = &change.labels.tags {
            self.write_tags(id, tags).await?;
        }
        if let Some(metadata) = &change.labels.metadata {
            self.write_metadata(id, metadata).await?;
        }
        self.link(id).await
    }

    /// Puts a link aside, or takes it back. It leads on all the same.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn archive_link(&self, id: LinkId, archived: bool, now: Millis) -> Result<Link, StoreError> {
        let row = self.live_row(id).await?;
        if row.archived_at.is_some() != archived {
            let archived_at = Set(archived.then_some(now.0));
            let changed = link::ActiveModel { version: Set(row.version + 1), updated_at: Set(now.0), archived_at, ..Default::default() };
            self.write(id, row.version, changed).await?;
        }
        self.link(id).await
    }

    /// Turns a link into a tombstone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_link(&self, id: LinkId, now: Millis) -> Result<(), StoreError> {
        let row = self.live_row(id).await?;
        let changed =
            link::ActiveModel { version: Set(row.version + 1), updated_at: Set(now.0), deleted_at: Set(Some(now.0)), ..Default::default() };
        self.write(id, row.version, changed).await
    }

    /// Writes only if nobody else has since `version` was read, and tells the snapshot of it: the
    /// one way of every change.
    async fn write(&self, id: LinkId, version: i32, changed: link::ActiveModel) -> Result<(), StoreError> {
        self.check_changeable(id)?;
        self.note_link_change(id, &changed).await?;
        let result = link::Entity::update_many()
            .set(changed)
            .filter(link::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link::Column::Id.eq(id.0))
            .filter(link::Column::Version.eq(version))
            .exec(&self.transaction)
            .await
            .map_err(StoreError::of_write)?;
        if result.rows_affected != 1 {
            return Err(StoreError::Conflict(Conflict::Version));
        }
        self.record_change(id, version + 1).await
    }

    /// # Errors
    /// [`StoreError::NotFound`] when there is none in this workspace or it is deleted.
    pub async fn link(&self, id: LinkId) -> Result<Link, StoreError> {
        let row = self.live_row(id).await?;
        self.with_stats(vec![row]).await?.pop().ok_or(StoreError::NotFound)
    }

    /// # Errors
    /// As [`WorkspaceScope::link`].
    pub async fn link_by_external_id(&self, external_id: &str) -> Result<Link, StoreError> {
        let row = self.live().filter(link::Column::ExternalId.eq(external_id)).one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        self.with_stats(vec![row]).await?.pop().ok_or(StoreError::NotFound)
    }

    /// The link at an address.
    ///
    /// # Errors
    /// As [`WorkspaceScope::link`].
    pub async fn link_at(&self, address: &LinkAddress) -> Result<Link, StoreError> {
        let slug = link_slug::Entity::find_by_id((address.domain, address.folded.clone()))
            .filter(link_slug::Column::WorkspaceId.eq(self.workspace.0))
            .one(&self.transaction)
            .await?
            .ok_or(StoreError::NotFound)?;
        self.link(LinkId(slug.link_id)).await
    }

    /// These links, deleted ones included, in no order; what is not this workspace's is left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn links_by_id(&self, ids: &[LinkId]) -> Result<Vec<Link>, StoreError> {
        let rows = self.all().filter(link::Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.transaction).await?;
        self.with_stats(rows).await
    }

    /// The addresses that lead to a link.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn slugs_of(&self, id: LinkId) -> Result<Vec<LinkAddress>, StoreError> {
        let rows = link_slug::Entity::find()
            .filter(link_slug::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link_slug::Column::LinkId.eq(id.0))
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(|row| LinkAddress { domain: row.domain_id, folded: row.folded }).collect())
    }

    pub(crate) fn all(&self) -> Select<link::Entity> {
        link::Entity::find().filter(link::Column::WorkspaceId.eq(self.workspace.0))
    }

    pub(crate) fn live(&self) -> Select<link::Entity> {
        self.all().filter(link::Column::DeletedAt.is_null())
    }

    async fn live_row(&self, id: LinkId) -> Result<link::Model, StoreError> {
        self.live().filter(link::Column::Id.eq(id.0)).one(&self.transaction).await?.ok_or(StoreError::NotFound)
    }

    pub(crate) async fn with_stats(&self, rows: Vec<link::Model>) -> Result<Vec<Link>, StoreError> {
        let stats = self.stats_of(&rows).await?;
        let mut labels = self.labels_of(&rows).await?;
        let last_clicked = |id: Uuid| stats.iter().find(|stat| stat.link_id == id).map(|stat| Millis(stat.last_clicked_at));
        let domains = self.link_domains(rows.iter().filter_map(|row| row.domain_id)).await?;
        let domain = |row: &link::Model| row.domain_id.and_then(|id| domains.get(&id).cloned());
        rows.into_iter().map(|row| to_link(last_clicked(row.id), domain(&row), labels.remove(&row.id).unwrap_or_default(), row)).collect()
    }

    pub(crate) async fn stats_of(&self, rows: &[link::Model]) -> Result<Vec<link_stat::Model>, StoreError> {
        let stats = link_stat::Entity::find().filter(link_stat::Column::WorkspaceId.eq(self.workspace.0));
        Ok(stats.filter(link_stat::Column::LinkId.is_in(rows.iter().map(|row| row.id))).all(&self.transaction).await?)
    }
}

fn set<T: Into<sea_orm::Value>>(field: &mut sea_orm::ActiveValue<T>, value: Option<T>) {
    if let Some(value) = value {
        *field = Set(value);
    }
}

fn status(status: RedirectStatus) -> i16 {
    // 301 to 308.
    status.code() as i16
}

fn to_link(last_clicked_at: Option<Millis>, domain: Option<LinkDomain>, labels: LinkLabels, row: link::Model) -> Result<Link, StoreError> {
    let gate = StoredGate {
        disabled: row.disabled,
        starts_at: row.starts_at,
        expires_at: row.expires_at,
        fallback_url: row.fallback_url,
        password_hash: row.password_hash,
        click_limit: row.click_limit,
        rules: row.rules,
        click_limit_mode: row.click_limit_mode,
    };
    let gate = gate.read()?;
    Ok(Link {
        id: LinkId(row.id),
        domain,
        kind: LinkKind::of(LinkId(row.id), WorkspaceId(row.workspace_id)),
        slug: Slug::from_store(row.slug),
        target: TargetUrl::from_store(row.target_url),
        title: row.title,
        external_id: row.external_id,
        about: LinkAbout { description: row.description, image: row.image_url.map(TargetUrl::from_store) },
        redirect_status: RedirectStatus::parse(row.redirect_status.into()).map_err(|issue| StoreError::Internal(issue.message))?,
        forward_query: row.forward_query,
        append_click_id: row.append_click_id,
        version: row.version,
        created_at: Millis(row.created_at),
        created_by: row.created_by.map(UserId),
        updated_at: Millis(row.updated_at),
        last_clicked_at,
        archived_at: row.archived_at.map(Millis),
        labels,
        gate,
    })
}
