//! Annotations: what happened at an instant, beside the counts of that time.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject, dataloader::DataLoader};
use domain::{ApiScope, Invalid, Issue, IssueCode, LinkId, Millis, UserId, WorkspaceId};
use store::{AnnotationFilter, AnnotationPlace};

use super::context::{reader, services};
use super::error::{ApiError, ApiResult};
use super::link::Link;
use super::loader::{LinkKey, LinkLoader};
use super::page::{Cursor, PageArgs, PageInfo, page_info};
use super::scalars::DateTime;
use crate::caller::Caller;

/// Values in a list of the filter.
const MOST_VALUES: usize = 100;

/// What an annotation is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AnnotationKind")]
pub enum AnnotationKind {
    /// A member's own, or an API key's.
    Note,
    /// The target or the rules of a link were changed, or it was switched off or on, archived or deleted.
    LinkChanged,
    /// Clicks were judged again (`reclassify`).
    Reclassified,
    /// Counts were unusual. None are made yet.
    Alert,
}

/// The member who wrote an annotation.
#[derive(Clone, Debug, SimpleObject)]
pub struct AnnotationAuthor {
    pub id: ID,
    /// Null where the author is no member any more.
    pub email: Option<String>,
}

/// What happened at an instant, so that whoever looks at counts sees why they changed.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Annotation {
    pub id: ID,
    pub at: DateTime,
    /// First instant no longer meant. Null for a moment.
    pub until: Option<DateTime>,
    pub kind: AnnotationKind,
    pub text: String,
    pub created_at: DateTime,
    #[graphql(skip)]
    workspace: WorkspaceId,
    #[graphql(skip)]
    link: Option<LinkId>,
    #[graphql(skip)]
    author: Option<UserId>,
}

#[ComplexObject]
impl Annotation {
    /// The link that it is about, deleted or not. Null for one of the whole workspace.
    async fn link(&self, ctx: &Context<'_>) -> ApiResult<Option<Link>> {
        let Some(link) = self.link else { return Ok(None) };
        let loader = ctx.data::<DataLoader<LinkLoader>>().map_err(|error| ApiError::Internal(error.message))?;
        let link = loader.load_one(LinkKey { workspace: self.workspace, link }).await.map_err(|error| ApiError::unavailable(&error))?;
        Ok(Some(Link::new(services(ctx)?, link.ok_or(ApiError::NotFound("link"))?)))
    }

    /// Who wrote it. Null for what noted itself or an API key wrote, and for API keys, which are not told of people.
    async fn author(&self, ctx: &Context<'_>) -> ApiResult<Option<AnnotationAuthor>> {
        let (Some(user), Some(Caller::Session(_))) = (self.author, ctx.data_opt::<Caller>()) else { return Ok(None) };
        let email = services(ctx)?.read(self.workspace).await?.email_of_member(user).await?;
        Ok(Some(AnnotationAuthor { id: user.to_string().into(), email }))
    }
}

impl Annotation {
    pub(super) fn new(workspace: WorkspaceId, annotation: domain::Annotation) -> Self {
        Self {
            id: annotation.id.to_string().into(),
            at: DateTime(annotation.at),
            until: annotation.until.map(DateTime),
            kind: annotation.kind.into(),
            text: annotation.text,
            created_at: DateTime(annotation.created_at),
            workspace,
            link: annotation.link,
            author: annotation.author,
        }
    }
}

/// Which annotations: within a field any value matches, between fields all must.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "AnnotationFilter")]
pub struct AnnotationFilterInput {
    /// Those that are not over by then.
    from: Option<DateTime>,
    /// Those that begin before then.
    to: Option<DateTime>,
    /// Those of these links, at most 100; null among them for those of the whole workspace.
    link_ids: Option<Vec<Option<ID>>>,
    kinds: Option<Vec<AnnotationKind>>,
}

impl AnnotationFilterInput {
    fn check(self) -> Result<AnnotationFilter, Invalid> {
        let mut invalid = Invalid::default();
        let (from, to) = (self.from.map(|from| from.0), self.to.map(|to| to.0));
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            let message = "The end of the range must be after its beginning.";
            invalid.0.push(Issue::new("filter.to", IssueCode::OutOfRange, message));
        }
        let links = invalid.check(listed("filter.linkIds", self.link_ids)).unwrap_or_default();
        let parse = |id: Option<ID>| id.map(|id| id.parse::<LinkId>()).transpose();
        let links = links.into_iter().map(parse).collect::<Result<Vec<_>, _>>();
        let unknown = |_| Issue::new("filter.linkIds", IssueCode::Invalid, "One of these is no id of a link.");
        let links = invalid.check(links.map_err(unknown)).unwrap_or_default();
        let kinds = invalid.check(listed("filter.kinds", self.kinds)).unwrap_or_default();
        invalid.finish()?;
        Ok(AnnotationFilter { from, to, links, kinds: kinds.into_iter().map(Into::into).collect() })
    }
}

fn listed<T>(path: &str, list: Option<Vec<T>>) -> Result<Vec<T>, Issue> {
    match list {
        None => Ok(Vec::new()),
        Some(list) if list.is_empty() => Err(Issue::new(path, IssueCode::Required, "Name at least one value, or leave the field out.")),
        Some(list) if list.len() > MOST_VALUES => Err(Issue::new(path, IssueCode::TooLong, format!("Name at most {MOST_VALUES} values."))),
        Some(list) => Ok(list),
    }
}

impl Cursor for AnnotationPlace {
    const PREFIX: &'static str = "n:";
    fn text(&self) -> String {
        format!("{}:{}", self.at.0, self.id)
    }
    fn from_text(text: &str) -> Option<Self> {
        let (at, id) = text.split_once(':')?;
        Some(Self { at: Millis(at.parse().ok()?), id: id.parse().ok()? })
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct AnnotationEdge {
    pub cursor: String,
    pub node: Annotation,
}

/// Annotations, latest first.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct AnnotationConnection {
    pub edges: Vec<AnnotationEdge>,
    pub nodes: Vec<Annotation>,
    pub page_info: PageInfo,
    #[graphql(skip)]
    filter: AnnotationFilter,
}

#[ComplexObject]
impl AnnotationConnection {
    /// How many annotations match; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        Ok(services(ctx)?.read(reader(ctx, ApiScope::ClicksRead)?).await?.count_annotations(&self.filter).await?)
    }
}

#[derive(Default)]
pub struct AnnotationQuery;

#[Object]
impl AnnotationQuery {
    /// What happened in a range of time, latest first: members' own notes, and what noted itself.
    async fn annotations(
        &self,
        ctx: &Context<'_>,
        filter: Option<AnnotationFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<AnnotationConnection>> {
        let workspace = reader(ctx, ApiScope::ClicksRead)?;
        let filter = filter.unwrap_or_default().check()?;
        let request = PageArgs { first, after, last, before }.request()?;
        let page = services(ctx)?.read(workspace).await?.annotations(&filter, &request).await?;
        let place = |annotation: &domain::Annotation| AnnotationPlace { at: annotation.at, id: annotation.id }.encode();
        let cursors: Vec<String> = page.annotations.iter().map(place).collect();
        let nodes: Vec<Annotation> = page.annotations.into_iter().map(|annotation| Annotation::new(workspace, annotation)).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| AnnotationEdge { cursor, node: node.clone() }).collect();
        Ok(Some(AnnotationConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes, filter }))
    }
}
