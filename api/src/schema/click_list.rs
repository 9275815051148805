//! Lists of clicks, by time or in the order of storage.

use async_graphql::{ComplexObject, Context, Enum, Object, SimpleObject};
use domain::{ApiScope, ClickFilter, ClickId};

use super::click::Click;
use super::context::{reader, services};
use super::error::ApiResult;
use super::filter::{ClickFilterInput, resolve};
use super::page::{Cursor, PageArgs, PageInfo, StoredCursor, page_info};
use super::scalars::DateTime;

/// How a list of clicks is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ClickOrder {
    /// By time, newest first.
    Newest,
    /// As they were stored, oldest first; the cursors are the subscription's.
    Stored,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ClickEdge {
    pub cursor: String,
    pub node: Click,
}

#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct ClickConnection {
    pub edges: Vec<ClickEdge>,
    pub nodes: Vec<Click>,
    pub page_info: PageInfo,
    #[graphql(skip)]
    filter: ClickFilter,
}

#[ComplexObject]
impl ClickConnection {
    /// The first instant that the list covers: clicks from before it are not kept any more, or there was no
    /// workspace yet.
    async fn data_from(&self, ctx: &Context<'_>) -> ApiResult<DateTime> {
        let scope = services(ctx)?.read(reader(ctx, ApiScope::ClicksRead)?).await?;
        Ok(DateTime(scope.clicks_from(&self.filter).await?))
    }

    /// How many clicks match; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        let scope = services(ctx)?.read(reader(ctx, ApiScope::ClicksRead)?).await?;
        Ok(scope.count_clicks(&self.filter).await?)
    }
}

#[derive(Default)]
pub struct ClickQuery;

#[Object]
impl ClickQuery {
    /// Clicks of every verdict, unless the filter says otherwise. With STORED, VALIDATION for an `after` that is ahead of
    /// all that is stored, as after a backup was restored: begin anew, or at a `liveCursor`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn clicks(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        #[graphql(default_with = "ClickOrder::Newest")] order: ClickOrder,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<ClickConnection>> {
        Ok(Some(click_list(ctx, filter, order, PageArgs { first, after, last, before }).await?))
    }
}

/// The clicks for a field of type [`ClickConnection`].
pub(super) async fn click_list(
    ctx: &Context<'_>,
    filter: Option<ClickFilterInput>,
    order: ClickOrder,
    args: PageArgs,
) -> ApiResult<ClickConnection> {
    let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
    let scope = services.read(workspace).await?;
    let filter = resolve(services, &scope, filter).await?;
    let (page, cursors): (_, Vec<String>) = match order {
        ClickOrder::Newest => {
            let request = args.request::<ClickId>()?;
            let page = scope.clicks_by_time(&filter, &request).await?;
            let cursors = page.clicks.iter().map(|click| click.id.encode()).collect();
            (page, cursors)
        }
        ClickOrder::Stored => {
            let request = args.request::<StoredCursor>()?.map(|cursor| cursor.0);
            // Nothing would ever come after it, in silence.
            if let Some(after) = request.after
                && after > scope.head().await?
            {
                return Err(StoredCursor::ahead().into());
            }
            let page = scope.clicks_by_storage(&filter, &request).await?;
            let cursors = page.clicks.iter().map(|click| StoredCursor(click.seq).encode()).collect();
            (page, cursors)
        }
    };
    let nodes: Vec<Click> = page.clicks.into_iter().map(|click| Click::new(workspace, click)).collect();
    let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| ClickEdge { cursor, node: node.clone() }).collect();
    Ok(ClickConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes, filter })
}
