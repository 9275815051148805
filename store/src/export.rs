//! What an export holds that nothing else asks for, in pages: all links, deleted ones too, the members, and
//! the counts as they are kept.

use std::collections::HashMap;

use domain::{Link, LinkId, Millis, Quarter, Role, UserId, Verdict};
use entity::{link, link_slug, rollup_cell};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use crate::rollup::{Cell, Grain, WHOLE_WORKSPACE};
use crate::{StoreError, WorkspaceScope};

/// A link, deleted or not.
#[derive(Clone, Debug)]
pub struct AnyLink {
    pub link: Link,
    /// Other slugs that lead to it, as they are looked up.
    pub earlier_slugs: Vec<String>,
    pub deleted_at: Option<Millis>,
}

/// What is counted of a quarter-hour, for one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellRow {
    /// `None` for the whole workspace.
    pub link: Option<LinkId>,
    pub quarter: Quarter,
    pub verdict: Verdict,
    pub clicks: u64,
    /// Of these, the first of their visitor's day.
    pub firsts: u64,
    /// Of these, those whose visitor was told from others.
    pub told: u64,
}

/// A place between cells, in the order of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellPlace(Uuid, i64);

/// A user in a workspace.
#[derive(Clone)]
pub struct Member {
    pub user: UserId,
    pub email: String,
    pub role: Role,
    pub since: Millis,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").field("user", &self.user).field("role", &self.role).finish_non_exhaustive()
    }
}

impl WorkspaceScope {
    /// Links after that one in the order of their ids, deleted ones included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn links_of_any_state(&self, after: Option<LinkId>, limit: u64) -> Result<Vec<AnyLink>, StoreError> {
        let mut query = self.all().order_by_asc(link::Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(link::Column::Id.gt(after.0));
        }
        let rows = query.all(&self.transaction).await?;
        let deleted: Vec<Option<Millis>> = rows.iter().map(|row| row.deleted_at.map(Millis)).collect();
        let slugs = link_slug::Entity::find()
            .filter(link_slug::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link_slug::Column::LinkId.is_in(rows.iter().map(|row| row.id)))
            .order_by_asc(link_slug::Column::Folded)
            .all(&self.transaction)
            .await?;
        let mut by_link: HashMap<Uuid, Vec<String>> = HashMap::new();
        slugs.into_iter().for_each(|slug| by_link.entry(slug.link_id).or_default().push(slug.folded));
        let any = |(link, deleted_at): (Link, Option<Millis>)| {
            let own = link.slug.key(link.domain.as_ref().is_some_and(|domain| domain.case_sensitive));
            let mut earlier_slugs = by_link.remove(&link.id.0).unwrap_or_default();
            earlier_slugs.retain(|slug| *slug != own);
            AnyLink { link, earlier_slugs, deleted_at }
        };
        Ok(self.with_stats(rows).await?.into_iter().zip(deleted).map(any).collect())
    }

    /// What is counted in the cells after that place, `limit` cells at most, the whole workspace's first; and the
    /// place after them, `None` at the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cell_rows(&self, after: Option<CellPlace>, limit: u64) -> Result<(Vec<CellRow>, Option<CellPlace>), StoreError> {
        use rollup_cell::Column;
        let mut query = rollup_cell::Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Grain.eq(Grain::Quarter.code()))
            .order_by_asc(Column::LinkId)
            .order_by_asc(Column::Quarter)
            .limit(limit);
        if let Some(CellPlace(link, quarter)) = after {
            let key = Expr::tuple([Expr::col(Column::LinkId), Expr::col(Column::Quarter)]);
            query = query.filter(key.gt(Expr::tuple([link.into(), quarter.into()])));
        }
        let cells = query.all(&self.transaction).await?;
        let mut rows = Vec::with_capacity(cells.len());
        for row in &cells {
            let cell = Cell::decode(&row.body)?;
            let link = (row.link_id != WHOLE_WORKSPACE).then_some(LinkId(row.link_id));
            rows.extend(cell.totals().map(|(verdict, count)| CellRow {
                link,
                quarter: Quarter(row.quarter),
                verdict,
                clicks: count.clicks.unsigned_abs(),
                firsts: count.firsts.unsigned_abs(),
                told: count.told.unsigned_abs(),
            }));
        }
        Ok((rows, cells.last().map(|row| CellPlace(row.link_id, row.quarter))))
    }

    /// The members, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        let sql = "SELECT m.user_id, u.email, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id \
                   WHERE m.workspace_id = $1 ORDER BY m.created_at, m.user_id";
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, [self.workspace.0.into()]);
        let member = |row: sea_orm::QueryResult| {
            let role: i16 = row.try_get("", "role")?;
            Ok(Member {
                user: UserId(row.try_get::<Uuid>("", "user_id")?),
                email: row.try_get("", "email")?,
                role: Role::from_code(role).ok_or_else(|| StoreError::Internal(format!("no role has the code {role}")))?,
                since: Millis(row.try_get("", "created_at")?),
            })
        };
        self.transaction.query_all_raw(statement).await?.into_iter().map(member).collect()
    }
}
