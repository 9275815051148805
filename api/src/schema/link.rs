//! Links: what they are, and finding one.

use async_graphql::{ComplexObject, Context, Enum, ID, Json, Object, OneofObject, SimpleObject};
use domain::{ApiScope, LinkAddress, LinkId, LinkKind as DomainKind, Slug};
use store::{StoreError, WorkspaceScope};

use super::click_list::{ClickConnection, ClickOrder, click_list};
use super::context::{Services, reader, services};
use super::counts::ClickTotals;
use super::domain::own_address_of;
use super::error::{ApiError, ApiResult};
use super::filter::ClickFilterInput;
use super::link_gate::LinkGate;
use super::link_totals::link_totals;
use super::page::PageArgs;
use super::period::Compare;
use super::scalars::{DateTime, Url};
use super::sparkline::sparkline;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainKind")]
pub enum LinkKind {
    /// A slug that leads to a target.
    Short,
    /// Stands for all clicks of the workspace that were logged without a link, by
    /// POST /log-and-redirect or a signed address; each of them has the target it led to. Made with
    /// the first key or secret for it, and not to be changed. Nothing is at its short URL but the
    /// endpoint of signed addresses.
    Logged,
}

/// A tracked link: a slug on a short domain that leads to a target.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Link {
    pub id: ID,
    pub kind: LinkKind,
    /// The path on the domain, as written; unique there without regard to case, unless the domain
    /// is case-sensitive.
    pub slug: String,
    /// The host that serves it: the shared short domain, or one of the workspace's own.
    pub domain: String,
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
    /// Whether the target is told the click's id, as the parameter ll_click.
    pub append_click_id: bool,
    /// Raised by every change, from 1.
    pub version: i32,
    pub created_at: DateTime,
    /// The user who made it, or whose API key did. Null for links from before that was noted.
    pub created_by: Option<ID>,
    pub updated_at: DateTime,
    /// Null until the first counted click.
    pub last_clicked_at: Option<DateTime>,
    /// In the order they were given in.
    pub tags: Vec<String>,
    /// A name or a path. Null for links in none.
    pub folder: Option<String>,
    /// A flat object of what others keep with the link; empty when nothing was given.
    pub metadata: Json<serde_json::Value>,
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
        Ok(Some(link_totals(ctx, link_id(&self.id)?, filter, compare).await?))
    }

    /// This link's clicks, of every verdict unless the filter says otherwise: `clicks` with the link alone in its
    /// filter's linkIds. Null with an error when they cannot be read.
    // Clicks have links again: without this three lists within each other were a million clicks.
    #[graphql(complexity = "child_complexity * 10")]
    async fn clicks(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(default_with = "ClickOrder::Newest")] order: ClickOrder,
    ) -> ApiResult<Option<ClickConnection>> {
        let filter = filter.unwrap_or_default().of_link(&self.id);
        Ok(Some(click_list(ctx, Some(filter), order, PageArgs { first, after, ..PageArgs::default() }).await?))
    }

    /// People's clicks of each of the last days, today's last; `days` is 1 to 90. Days are those of the
    /// workspace's zone. Null with an error when they cannot be read.
    async fn sparkline(&self, ctx: &Context<'_>, #[graphql(default = 30)] days: i32) -> ApiResult<Option<Vec<u64>>> {
        Ok(Some(sparkline(ctx, &self.id, days).await?))
    }
}

impl Link {
    pub(crate) fn new(services: &Services, link: domain::Link) -> Self {
        Self {
            id: link.id.to_string().into(),
            kind: link.kind.into(),
            short_url: Url(match &link.domain {
                None => services.short_domain.short_url(link.slug.as_str()),
                Some(domain) => domain.host.short_url(link.slug.as_str()),
            }),
            domain: link.domain.map_or_else(|| services.short_domain.authority(), |domain| domain.host.as_str().to_owned()),
            slug: link.slug.as_str().to_owned(),
            target_url: Url(link.target.as_str().to_owned()),
            title: link.title,
            description: link.about.description,
            image_url: link.about.image.map(|image| Url(image.as_str().to_owned())),
            external_id: link.external_id,
            redirect_status: link.redirect_status.code().into(),
            forward_query: link.forward_query,
            append_click_id: link.append_click_id,
            version: link.version,
            created_at: DateTime(link.created_at),
            created_by: link.created_by.map(|user| user.to_string().into()),
            updated_at: DateTime(link.updated_at),
            last_clicked_at: link.last_clicked_at.map(DateTime),
            tags: link.labels.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            folder: link.labels.folder.as_ref().map(|folder| folder.as_str().to_owned()),
            metadata: Json(link.labels.metadata.to_json()),
            archived_at: link.archived_at.map(DateTime),
            gate: link.gate.into(),
        }
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
        let scope = services.read(reader(ctx, ApiScope::LinksRead)?).await?;
        let found = match by {
            LinkBy::Id(id) => scope.link(link_id(&id)?).await,
            LinkBy::ExternalId(external_id) => scope.link_by_external_id(&external_id).await,
            LinkBy::ShortUrl(short_url) => {
                let address = address_of(services, &scope, &short_url).await?;
                scope.link_at(&address.ok_or(ApiError::NotFound("link"))?).await
            }
        };
        Ok(Some(Link::new(services, found.map_err(link_error)?)))
    }
}

/// The address that a short URL of the shared or of one of the workspace's domains names.
async fn address_of(services: &Services, scope: &WorkspaceScope, short_url: &str) -> ApiResult<Option<LinkAddress>> {
    match services.short_domain.slug_of(short_url) {
        Some(slug) => Ok(Slug::fold_path(&slug).map(LinkAddress::shared)),
        None => own_address_of(scope, short_url).await,
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
