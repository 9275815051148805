//! How often and when last links were clicked, as lists sort by it, beside their own quarter-hours, whose sum it is:
//! to compare the two, and to set what differs.

use domain::{ClickId, LinkId, Millis, Outcome, Quarter, WorkspaceId};
use entity::{click, link_stat, rollup_cell};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::rollup::{Block, Cell, Grain};
use crate::{Store, StoreError, WorkspaceScope};

/// Links of one transaction.
const PAGE: u64 = 20;

/// A link whose statistics say something else than its quarter-hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDifference {
    pub link: LinkId,
    /// What its statistics say.
    pub clicks: u64,
    /// What its quarter-hours sum up to; `None` where one of them cannot be read.
    pub counted: Option<u64>,
}

/// What a page of links came to.
#[derive(Clone, Debug, Default)]
pub struct LinksVerified {
    /// Links that were compared.
    pub links: u64,
    pub differences: Vec<LinkDifference>,
    /// After which to go on; `None` at the end.
    pub next: Option<LinkId>,
}

/// What a page of links was set to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinksRecounted {
    pub changed: u64,
    /// After which to go on; `None` at the end.
    pub next: Option<LinkId>,
}

/// What a link's quarter-hours say.
#[derive(Clone, Copy, Debug, Default)]
struct OwnCells {
    clicks: i64,
    /// With clicks in it.
    last: Option<Quarter>,
}

impl WorkspaceScope {
    /// Compares the statistics of some links with their cells, in the order of their ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn verify_links(&self, after: Option<LinkId>) -> Result<LinksVerified, StoreError> {
        let (links, next) = self.links_after(after).await?;
        let mut verified = LinksVerified { links: links.len() as u64, differences: Vec::new(), next };
        for link in links {
            let told = self.statistics(link).await?.map_or(0, |row| row.clicks);
            let counted = self.own_cells(link).await?.map(|own| own.clicks);
            if counted != Some(told) {
                let (link, clicks, counted) = (LinkId(link), told.unsigned_abs(), counted.map(i64::unsigned_abs));
                verified.differences.push(LinkDifference { link, clicks, counted });
            }
        }
        Ok(verified)
    }

    /// Deleted ones too, and those that only statistics know.
    async fn links_after(&self, after: Option<LinkId>) -> Result<(Vec<Uuid>, Option<LinkId>), StoreError> {
        let part = |id, table| format!("SELECT {id} AS id FROM {table} WHERE workspace_id = $1 AND {id} > $2 ORDER BY {id} LIMIT {PAGE}");
        let (links, counted) = (part("id", "links"), part("link_id", "link_stats"));
        let sql = format!("SELECT id FROM ({links}) AS l UNION SELECT id FROM ({counted}) AS s ORDER BY id LIMIT {PAGE}");
        let values = [self.workspace.0.into(), after.map_or(Uuid::nil(), |after| after.0).into()];
        let statement = sea_orm::Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values);
        let rows = self.transaction.query_all_raw(statement).await?;
        let links = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<Vec<Uuid>, _>>()?;
        let next = links.last().filter(|_| links.len() as u64 >= PAGE).copied().map(LinkId);
        Ok((links, next))
    }

    async fn statistics(&self, link: Uuid) -> Result<Option<link_stat::Model>, StoreError> {
        Ok(link_stat::Entity::find_by_id((self.workspace.0, link)).one(&self.transaction).await?)
    }

    /// `None` where one of them cannot be read.
    async fn own_cells(&self, link: Uuid) -> Result<Option<OwnCells>, StoreError> {
        use rollup_cell::Column;
        let rows: Vec<(i64, Vec<u8>)> = rollup_cell::Entity::find()
            .select_only()
            .column(Column::Quarter)
            .column(Column::Body)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::LinkId.eq(link))
            .filter(Column::Grain.eq(Grain::Quarter.code()))
            .order_by_asc(Column::Quarter)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let mut own = OwnCells::default();
        for (quarter, body) in rows {
            let Ok(cell) = Cell::decode_some(&body, |block| block == Block::TOTALS) else { return Ok(None) };
            let clicks: i64 = cell.totals().map(|(_, count)| count.clicks).sum();
            own.clicks += clicks;
            own.last = if clicks > 0 { Some(Quarter(quarter)) } else { own.last };
        }
        Ok(Some(own))
    }

    /// Whether they were otherwise.
    async fn set_statistics(&self, link: Uuid) -> Result<bool, StoreError> {
        let Some(own) = self.own_cells(link).await? else { return Ok(false) };
        let told = self.statistics(link).await?;
        let Some(quarter) = own.last else {
            let gone = link_stat::Entity::delete_by_id((self.workspace.0, link)).exec(&self.transaction).await?;
            return Ok(gone.rows_affected > 0);
        };
        // Where clicks are gone, cells know when to the quarter-hour.
        let last = match last_click(&self.transaction, self.workspace, link).await? {
            Some(at) => at,
            None => {
                let told = told.as_ref().map(|told| Millis(told.last_clicked_at));
                told.filter(|at| Quarter::of(*at) == quarter).unwrap_or(quarter.start())
            }
        };
        if told.is_some_and(|told| (told.clicks, told.last_clicked_at) == (own.clicks, last.0)) {
            return Ok(false);
        }
        use link_stat::Column;
        let row = link_stat::ActiveModel {
            workspace_id: Set(self.workspace.0),
            link_id: Set(link),
            clicks: Set(own.clicks),
            last_clicked_at: Set(last.0),
        };
        let again =
            OnConflict::columns([Column::WorkspaceId, Column::LinkId]).update_columns([Column::Clicks, Column::LastClickedAt]).to_owned();
        link_stat::Entity::insert(row).on_conflict(again).exec_without_returning(&self.transaction).await?;
        Ok(true)
    }
}

impl Store {
    /// Sets the statistics of some links to what their cells say, in the order of their ids; those of a link with a
    /// cell that cannot be read stay. To be called once the days are counted anew that clicks are kept of.
    ///
    /// # Errors
    /// When the database does not answer; then nothing of the page has changed. [`StoreError::NotFound`].
    pub async fn recount_links(&self, workspace: WorkspaceId, after: Option<LinkId>) -> Result<LinksRecounted, StoreError> {
        let scope = self.as_eraser(workspace).await?;
        if scope.open_head().await?.is_none() {
            return Ok(LinksRecounted::default());
        }
        let (links, next) = scope.links_after(after).await?;
        let mut recounted = LinksRecounted { changed: 0, next };
        for link in links {
            recounted.changed += u64::from(scope.set_statistics(link).await?);
        }
        scope.commit().await?;
        Ok(recounted)
    }
}

/// When the last counted click of a link happened that is kept.
pub(crate) async fn last_click(
    transaction: &DatabaseTransaction,
    workspace: WorkspaceId,
    link: Uuid,
) -> Result<Option<Millis>, StoreError> {
    use click::Column;
    let counted = Outcome::ALL.iter().filter(|outcome| outcome.is_counted()).map(|outcome| outcome.code());
    let last: Option<Uuid> = click::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::WorkspaceId.eq(workspace.0))
        .filter(Column::LinkId.eq(link))
        .filter(Column::Outcome.is_in(counted))
        .order_by_desc(Column::Id)
        .into_tuple()
        .one(transaction)
        .await?;
    Ok(last.map(|id| ClickId(id).made_at()))
}
