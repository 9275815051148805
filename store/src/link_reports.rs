//! Reports of links: written for a visitor, who knows no workspace, and read by the link's own. Each
//! link keeps a bounded number of them.

use domain::{LinkId, LinkReport, LinkReportId, Millis, NewLinkReport, ReportReason, WorkspaceId};
use entity::link_report::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
};
use uuid::Uuid;

use crate::clicks::PageRequest;
use crate::{Access, Store, StoreError, WorkspaceScope};

/// Open reports of one link; what comes above them says nothing new.
const MOST_OPEN: u64 = 50;
/// Reports of one link, resolved ones included.
const MOST: u64 = 500;

/// A part of the open reports, newest first.
#[derive(Clone, Debug)]
pub struct LinkReportPage {
    pub reports: Vec<LinkReport>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl Store {
    /// Whose a link is, deleted ones included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn workspace_of_link(&self, link: LinkId) -> Result<Option<WorkspaceId>, StoreError> {
        let transaction = self.installation(Access::Read).await?;
        let (backend, sql) = if self.is_postgres() {
            (DbBackend::Postgres, "SELECT workspace_id FROM linklogger_workspace_of_link($1)")
        } else {
            (DbBackend::Sqlite, "SELECT workspace_id FROM links WHERE id = ?")
        };
        let row = transaction.query_one_raw(Statement::from_sql_and_values(backend, sql, [link.0.into()])).await?;
        Ok(row.map(|row| row.try_get_by_index::<Uuid>(0)).transpose()?.map(WorkspaceId))
    }
}

impl WorkspaceScope {
    /// Stores a report, unless its link has as many as it may have; true when it was stored.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the link is not of this workspace.
    pub async fn report_link(&self, new: &NewLinkReport) -> Result<bool, StoreError> {
        use entity::link::Column as LinkColumn;
        // Whoever reports the same link waits here, or two could both find room for one.
        let link = self.all().filter(LinkColumn::Id.eq(new.link.0)).lock_exclusive().one(&self.transaction).await?;
        link.ok_or(StoreError::NotFound)?;
        let of_link = self.reports().filter(Column::LinkId.eq(new.link.0));
        let open = of_link.clone().filter(Column::ResolvedAt.is_null()).count(&self.transaction).await?;
        if open >= MOST_OPEN || of_link.count(&self.transaction).await? >= MOST {
            return Ok(false);
        }
        let row = ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.workspace.0),
            link_id: Set(new.link.0),
            reason: Set(new.reason.as_str().to_owned()),
            text: Set(new.text.clone()),
            resolved_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(true)
    }

    /// Open reports, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_reports(&self, page: &PageRequest<LinkReportId>) -> Result<LinkReportPage, StoreError> {
        let mut query = self.open_reports();
        if let Some(after) = page.after {
            query = query.filter(Column::Id.lt(after.0));
        }
        if let Some(before) = page.before {
            query = query.filter(Column::Id.gt(before.0));
        }
        query = if page.backwards { query.order_by_asc(Column::Id) } else { query.order_by_desc(Column::Id) };
        let rows = query.limit(page.limit + 1).all(&self.transaction).await?;
        let (rows, has_next, has_previous) = page.cut(rows);
        let reports = rows.into_iter().map(to_report).collect::<Result<_, _>>()?;
        Ok(LinkReportPage { reports, has_next, has_previous })
    }

    /// Reports after that one, resolved ones included, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_reports_of_any_state(&self, after: Option<LinkReportId>, limit: u64) -> Result<Vec<LinkReport>, StoreError> {
        let mut query = self.reports().order_by_asc(Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.0));
        }
        query.all(&self.transaction).await?.into_iter().map(to_report).collect()
    }

    /// How many reports are open.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_link_reports(&self) -> Result<u64, StoreError> {
        Ok(self.open_reports().count(&self.transaction).await?)
    }

    /// Says that the workspace is done with a report; one that it was done with stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn resolve_link_report(&self, id: LinkReportId, now: Millis) -> Result<LinkReport, StoreError> {
        Entity::update_many()
            .col_expr(Column::ResolvedAt, Expr::value(now.0))
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::ResolvedAt.is_null())
            .exec(&self.transaction)
            .await?;
        let row = self.reports().filter(Column::Id.eq(id.0)).one(&self.transaction).await?;
        to_report(row.ok_or(StoreError::NotFound)?)
    }

    fn reports(&self) -> Select<Entity> {
        Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0))
    }

    fn open_reports(&self) -> Select<Entity> {
        self.reports().filter(Column::ResolvedAt.is_null())
    }
}

fn to_report(row: Model) -> Result<LinkReport, StoreError> {
    Ok(LinkReport {
        id: LinkReportId(row.id),
        link: LinkId(row.link_id),
        reason: ReportReason::parse(&row.reason).map_err(|issue| StoreError::Internal(issue.message))?,
        text: row.text,
        resolved_at: row.resolved_at.map(Millis),
    })
}
