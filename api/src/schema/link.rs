//! Links: what they are, finding and listing them.

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, OneofObject, SimpleObject};
use domain::{LinkId, Slug};
use store::{Shelf, StoreError};

use super::context::{Services, services, session};
use super::counts::{ClickTotals, click_totals};
use super::error::{ApiError, ApiResult};
use super::filter::ClickFilterInput;
use super::link_gate::LinkGate;
use super::page::{Cursor, PageArgs, PageInfo, page_info};
use super::period::Compare;
use super::scalars::{DateTime, Url};

/// A tracked link: a slug on a short domain that leads to a target.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Link {
    pub id: ID,
    /// The path on the short domain, as written; unique without regard to case.
    pub slug: String,
    pub short_url: Url,
    pub target_url: Url,
    /// Null when none was given.
    pub title: Option<String>,
    /// What previews of the link say besides its title. Null when none was given.
    pub description: Option<String>,
    /// The image that other sites show with the link. Null when none was given.
    pub image_url: Option<Url>,
    /// The caller's own id. Null when none was given.
    pub external_id: Option<String>,
    /// The HTTP status of the redirect.
    pub redirect_status: i32,
    /// Whether the visitor's query is added to the target's; the target's own parameters win.
    pub forward_query: bool,
    /// Raised by every change, from 1.
    pub version: i32,
    pub created_at: DateTime,
    pub updated_at: DateTime,
    /// Null until the first counted click.
    pub last_clicked_at: Option<DateTime>,
    /// Since when the link is put aside; it leads on all the same. Null for links in use.
    pub archived_at: Option<DateTime>,
    #[graphql(flatten)]
    pub gate: LinkGate,
}

#[ComplexObject]
impl Link {
    /// The counts of this link's clicks. Null with an error when they cannot be read.
    async fn click_totals(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        compare: Option<Compare>,
    ) -> ApiResult<Option<ClickTotals>> {
        let filter = filter.unwrap_or_default().of_link(&self.id);
        Ok(Some(click_totals(ctx, Some(filter), compare).await?))
    }
}

impl Link {
    pub(crate) fn new(services: &Services, link: domain::Link) -> Self {
        Self {
            id: link.id.to_string().into(),
            short_url: Url(services.short_domain.short_url(link.slug.as_str())),
            slug: link.slug.as_str().to_owned(),
            target_url: Url(link.target.as_str().to_owned()),
            title: link.title,
            description: link.about.description,
            image_url: link.about.image.map(|image| Url(image.as_str().to_owned())),
            external_id: link.external_id,
            redirect_status: link.redirect_status.code().into(),
            forward_query: link.forward_query,
            version: link.version,
            created_at: DateTime(link.created_at),
            updated_at: DateTime(link.updated_at),
            last_clicked_at: link.last_clicked_at.map(DateTime),
            archived_at: link.archived_at.map(DateTime),
            gate: link.gate.into(),
        }
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct LinkEdge {
    pub cursor: String,
    pub node: Link,
}

/// Links, newest first.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct LinkConnection {
    pub edges: Vec<LinkEdge>,
    pub nodes: Vec<Link>,
    pub page_info: PageInfo,
    #[graphql(skip)]
    shelf: Shelf,
}

/// Which links a list is of.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct LinkFilter {
    /// True for the archived links, false (the default) for the others.
    archived: Option<bool>,
}

#[ComplexObject]
impl LinkConnection {
    /// How many links the list has; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        let scope = services(ctx)?.read(session(ctx)?.workspace).await?;
        Ok(scope.count_links(self.shelf).await?)
    }
}

/// One way to name a link.
#[derive(OneofObject)]
pub enum LinkBy {
    Id(ID),
    ExternalId(String),
    ShortUrl(String),
}

#[derive(Default)]
pub struct LinkQuery;

#[Object]
impl LinkQuery {
    /// One link. Null with NOT_FOUND when this workspace has none of that name.
    async fn link(&self, ctx: &Context<'_>, by: LinkBy) -> ApiResult<Option<Link>> {
        let services = services(ctx)?;
        let scope = services.read(session(ctx)?.workspace).await?;
        let found = match by {
            LinkBy::Id(id) => scope.link(link_id(&id)?).await,
            LinkBy::ExternalId(external_id) => scope.link_by_external_id(&external_id).await,
            LinkBy::ShortUrl(short_url) => {
                let folded = services.short_domain.slug_of(&short_url).and_then(|slug| Slug::fold_path(&slug));
                scope.link_by_slug(&folded.ok_or(ApiError::NotFound("link"))?).await
            }
        };
        Ok(Some(Link::new(services, found.map_err(link_error)?)))
    }

    /// The workspace's links, newest first; archived ones only when asked for.
    async fn links(
        &self,
        ctx: &Context<'_>,
        filter: Option<LinkFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<LinkConnection>> {
        let (services, session) = (services(ctx)?, session(ctx)?);
        let request = PageArgs { first, after, last, before }.request()?;
        let shelf = if filter.unwrap_or_default().archived.unwrap_or(false) { Shelf::Archived } else { Shelf::InUse };
        let page = services.read(session.workspace).await?.links(shelf, &request).await?;
        let cursors: Vec<String> = page.links.iter().map(|link| link.id.encode()).collect();
        let nodes: Vec<Link> = page.links.into_iter().map(|link| Link::new(services, link)).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| LinkEdge { cursor, node: node.clone() }).collect();
        Ok(Some(LinkConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes, shelf }))
    }
}

/// An id of another kind names no link.
pub(super) fn link_id(id: &ID) -> Result<LinkId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound("link"))
}

pub(super) fn link_error(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::NotFound("link"),
        other => other.into(),
    }
}
