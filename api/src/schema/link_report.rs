//! Reports that visitors made of the workspace's links: reading them, and being done with them.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject, dataloader::DataLoader};
use domain::{ApiScope, LinkId, LinkReportId, WorkspaceId};
use store::StoreError;

use super::context::{editor, reader, services};
use super::error::{ApiError, ApiResult};
use super::link::Link;
use super::loader::{LinkKey, LinkLoader};
use super::page::{Cursor, PageArgs, PageInfo, page_info};
use super::scalars::DateTime;

/// What is said to be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ReportReason")]
pub enum LinkReportReason {
    /// It pretends to be somebody else, or asks for passwords or money.
    Phishing,
    /// It leads to a harmful program.
    Malware,
    /// It was sent to people who did not ask for it.
    Spam,
    /// What it leads to is against the law.
    Illegal,
    Other,
}

/// What a visitor said is wrong with a link. Nothing is known of who it was.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct LinkReport {
    pub id: ID,
    pub reason: LinkReportReason,
    /// In the visitor's words, at most 1,000 characters. Null when there were none.
    pub text: Option<String>,
    pub created_at: DateTime,
    /// Null while the report is open.
    pub resolved_at: Option<DateTime>,
    #[graphql(skip)]
    link: LinkKey,
}

#[ComplexObject]
impl LinkReport {
    /// The link that was reported; one that was deleted since is still told.
    async fn link(&self, ctx: &Context<'_>) -> ApiResult<Link> {
        let loader = ctx.data::<DataLoader<LinkLoader>>().map_err(|error| ApiError::Internal(error.message))?;
        let link = loader.load_one(self.link).await.map_err(|error| ApiError::unavailable(&error))?;
        Ok(Link::new(services(ctx)?, link.ok_or(ApiError::NotFound("link"))?))
    }
}

impl LinkReport {
    fn new(workspace: WorkspaceId, report: domain::LinkReport) -> Self {
        let link: LinkId = report.link;
        Self {
            id: report.id.to_string().into(),
            reason: report.reason.into(),
            text: report.text,
            created_at: DateTime(report.id.made_at()),
            resolved_at: report.resolved_at.map(DateTime),
            link: LinkKey { workspace, link },
        }
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct LinkReportEdge {
    pub cursor: String,
    pub node: LinkReport,
}

/// Open reports, newest first.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct LinkReportConnection {
    pub edges: Vec<LinkReportEdge>,
    pub nodes: Vec<LinkReport>,
    pub page_info: PageInfo,
}

#[ComplexObject]
impl LinkReportConnection {
    /// How many reports are open; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        Ok(services(ctx)?.read(reader(ctx, ApiScope::LinksRead)?).await?.count_link_reports().await?)
    }
}

#[derive(InputObject)]
pub struct ResolveLinkReportInput {
    id: ID,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ResolveLinkReportPayload {
    pub report: LinkReport,
}

#[derive(Default)]
pub struct LinkReportQuery;

#[Object]
impl LinkReportQuery {
    /// What visitors reported of the workspace's links and nobody has resolved yet, newest first. A link
    /// keeps at most 50 open reports, 500 in all.
    async fn link_reports(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<LinkReportConnection>> {
        let workspace = reader(ctx, ApiScope::LinksRead)?;
        let request = PageArgs { first, after, last, before }.request()?;
        let page = services(ctx)?.read(workspace).await?.link_reports(&request).await?;
        let cursors: Vec<String> = page.reports.iter().map(|report| report.id.encode()).collect();
        let nodes: Vec<LinkReport> = page.reports.into_iter().map(|report| LinkReport::new(workspace, report)).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| LinkReportEdge { cursor, node: node.clone() }).collect();
        Ok(Some(LinkReportConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes }))
    }
}

#[derive(Default)]
pub struct LinkReportMutation;

#[Object]
impl LinkReportMutation {
    /// Says that the workspace is done with a report, which is then listed no more. Doing it again
    /// changes nothing.
    async fn resolve_link_report(&self, ctx: &Context<'_>, input: ResolveLinkReportInput) -> ApiResult<Option<ResolveLinkReportPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let id: LinkReportId = input.id.parse().map_err(|_| ApiError::NotFound("report"))?;
        let scope = services.write(workspace).await?;
        let report = scope.resolve_link_report(id, services.clock.now()).await.map_err(|error| match error {
            StoreError::NotFound => ApiError::NotFound("report"),
            other => other.into(),
        })?;
        scope.commit().await?;
        Ok(Some(ResolveLinkReportPayload { report: LinkReport::new(workspace, report) }))
    }
}
