//! What is told of a click: that it led to something, that its visitor stayed.
//!
//! The click's row is held meanwhile, so whoever erases it waits and then meets what was stored, or is first
//! and there is no click any more. Both as the worker, since only that role may hold rows of clicks.

use domain::{AttributionDays, ClickId, Conversion, Issue, LinkId, Millis, NewConversion, WorkspaceId};
use entity::{click, conversion, engagement, workspace};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::to_conversion;
use crate::{Access, Conflict, Store, StoreError, WorkspaceScope};

/// What one click can lead to at most.
pub const MOST_CONVERSIONS_OF_A_CLICK: u64 = 100;

/// What became of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracked {
    Stored(Conversion),
    /// It is there already, as it was told of first.
    Duplicate(Conversion),
    /// It is not of a time at which it could be this click's.
    OutsideWindow(Issue),
}

/// What became of an engagement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engaged {
    Stored,
    Duplicate,
    /// The click is too long ago.
    OutsideWindow,
}

impl Store {
    /// Whose a click is, for who knows its id only.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn workspace_of_click(&self, click: ClickId) -> Result<Option<WorkspaceId>, StoreError> {
        let transaction = self.installation(Access::Read).await?;
        let sql = if self.is_postgres() {
            "SELECT workspace_id FROM linklogger_workspace_of_click($1)"
        } else {
            "SELECT workspace_id FROM clicks WHERE id = $1"
        };
        let row = transaction.query_one_raw(self.statement(sql, [click.0.into()])).await?;
        Ok(row.map(|row| row.try_get_by_index::<Uuid>(0)).transpose()?.map(WorkspaceId))
    }

    /// Keeps a conversion once, however often it is told of.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the workspace has no such click; [`StoreError::Conflict`] where the event is
    /// another click's; [`StoreError::TooMany`] where the click has [`MOST_CONVERSIONS_OF_A_CLICK`].
    pub async fn track_conversion(&self, workspace: WorkspaceId, new: &NewConversion) -> Result<Tracked, StoreError> {
        let scope = self.as_worker(workspace).await?;
        if let Some(known) = scope.conversion(&new.event_id).await? {
            return same(known, new);
        }
        let link = scope.hold_click(new.click).await?;
        if let Err(issue) = scope.attribution_days().await?.check(new.click.made_at(), new.occurred_at) {
            return Ok(Tracked::OutsideWindow(issue));
        }
        let of_click = conversion::Entity::find()
            .filter(conversion::Column::WorkspaceId.eq(workspace.0))
            .filter(conversion::Column::ClickId.eq(new.click.0));
        if of_click.count(&scope.transaction).await? >= MOST_CONVERSIONS_OF_A_CLICK {
            return Err(StoreError::TooMany);
        }
        let amount = new.value.map(|value| i64::try_from(value.minor)).transpose();
        let row = conversion::ActiveModel {
            workspace_id: Set(workspace.0),
            event_id: Set(new.event_id.clone()),
            click_id: Set(new.click.0),
            link_id: Set(link.0),
            name: Set(new.name.clone()),
            amount: Set(amount.map_err(|_| StoreError::Internal("an amount is too large".into()))?),
            currency: Set(new.value.map(|value| value.currency.code().to_owned())),
            occurred_at: Set(new.occurred_at.0),
            received_at: Set(new.received_at.0),
            source: Set(new.source.code()),
        };
        // Somebody may tell of the same event at the same moment, of this click or of another.
        let there = OnConflict::columns([conversion::Column::WorkspaceId, conversion::Column::EventId]).do_nothing().to_owned();
        let inserted = conversion::Entity::insert(row).on_conflict(there).exec_without_returning(&scope.transaction).await?;
        let known = scope.conversion(&new.event_id).await?.ok_or(StoreError::NotFound)?;
        if inserted == 0 {
            return same(known, new);
        }
        scope.commit().await?;
        Ok(Tracked::Stored(known))
    }

    /// Keeps that a click's visitor did something on the target, once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the workspace has no such click.
    pub async fn engage(&self, workspace: WorkspaceId, click: ClickId, now: Millis) -> Result<Engaged, StoreError> {
        let scope = self.as_worker(workspace).await?;
        let link = scope.hold_click(click).await?;
        if now > scope.attribution_days().await?.end(click.made_at()) {
            return Ok(Engaged::OutsideWindow);
        }
        let row = engagement::ActiveModel {
            workspace_id: Set(workspace.0),
            click_id: Set(click.0),
            link_id: Set(link.0),
            engaged_at: Set(now.0),
        };
        let there = OnConflict::columns([engagement::Column::WorkspaceId, engagement::Column::ClickId]).do_nothing().to_owned();
        let inserted = engagement::Entity::insert(row).on_conflict(there).exec_without_returning(&scope.transaction).await?;
        if inserted == 0 {
            return Ok(Engaged::Duplicate);
        }
        scope.commit().await?;
        Ok(Engaged::Stored)
    }
}

impl WorkspaceScope {
    /// For how long after a click what came of it is taken.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn attribution_days(&self) -> Result<AttributionDays, StoreError> {
        let row = workspace::Entity::find_by_id(self.workspace.0).one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        AttributionDays::parse(row.attribution_days.into()).map_err(|issue| StoreError::Internal(issue.message))
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_attribution_days(&self, days: AttributionDays) -> Result<(), StoreError> {
        let row = workspace::ActiveModel { attribution_days: Set(days.get().into()), ..Default::default() };
        let changed = workspace::Entity::update_many().set(row).filter(workspace::Column::Id.eq(self.workspace.0));
        if changed.exec(&self.transaction).await?.rows_affected == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    async fn conversion(&self, event_id: &str) -> Result<Option<Conversion>, StoreError> {
        conversion::Entity::find_by_id((self.workspace.0, event_id.to_owned())).one(&self.transaction).await?.map(to_conversion).transpose()
    }

    /// Locks a click's row; says of which link it is.
    async fn hold_click(&self, click: ClickId) -> Result<LinkId, StoreError> {
        let link: Option<Uuid> = click::Entity::find_by_id(click.0)
            .filter(click::Column::WorkspaceId.eq(self.workspace.0))
            .select_only()
            .column(click::Column::LinkId)
            .lock_exclusive()
            .into_tuple()
            .one(&self.transaction)
            .await?;
        link.map(LinkId).ok_or(StoreError::NotFound)
    }
}

/// The same event again is the same, whatever else is said of it; of another click it is another.
fn same(known: Conversion, new: &NewConversion) -> Result<Tracked, StoreError> {
    if known.click == new.click { Ok(Tracked::Duplicate(known)) } else { Err(StoreError::Conflict(Conflict::Event)) }
}
