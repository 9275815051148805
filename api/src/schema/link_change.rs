//! Links: making, changing and deleting them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::{
    Gate, Invalid, LinkAbout, LinkAddress, LinkChange, LinkId, LinkLabels, NewLink, OwnHosts, RedirectStatus, Slug, TargetUrl, UserId,
    WorkspaceId, parse_description, parse_external_id, parse_image_url, parse_title,
};
use store::{Conflict, StoreError, WorkspaceScope};
use stream::LinkEvent;

use super::changed::{clearable, required};
use super::context::{Services, editor, services};
use super::domain::{domain_of_link, unverified};
use super::error::{ApiError, ApiResult};
use super::link::{Link, link_error, link_id};
use super::link_gate_input::LinkGateInput;
use super::link_labels::LinkLabelsInput;
use crate::caller::Caller;

/// How often a generated slug that is taken is drawn again.
const SLUG_ATTEMPTS: usize = 8;

#[derive(InputObject)]
pub struct CreateLinkInput {
    /// Where the link leads: http or https, without credentials, at most 2,048 bytes.
    target_url: String,
    /// 1 to 64 letters, digits, hyphens and underscores; left out, one of 7 characters is made.
    slug: Option<String>,
    /// The host of one of the workspace's domains, or its id. Left out, or named, the shared short
    /// domain. A link stays on its domain.
    domain: Option<String>,
    /// At most 200 characters. Visitors meet it in previews of the link.
    title: Option<String>,
    /// At most 500 characters, for previews of the link: its page at `/{slug}+`, and the card that other
    /// sites show where it is posted.
    description: Option<String>,
    /// The address of an image for that card, under the rules of `targetUrl`. It is fetched by those
    /// sites, never from here.
    image_url: Option<String>,
    /// The caller's own id, unique in the workspace; at most 128 characters.
    external_id: Option<String>,
    /// 302 (the default), 307, 301 or 308.
    redirect_status: Option<i32>,
    /// Whether the visitor's query is added to the target's. Default: false.
    forward_query: Option<bool>,
    /// Whether the target is told the click's id, as the parameter ll_click, so that its page can say what
    /// became of the click. Default: false.
    append_click_id: Option<bool>,
    #[graphql(flatten)]
    labels: LinkLabelsInput,
    #[graphql(flatten)]
    gate: LinkGateInput,
}

#[derive(InputObject)]
pub struct UpdateLinkInput {
    id: ID,
    /// The version that the change is based on; another one stored is CONFLICT. Left out, the
    /// change is made to whatever is stored.
    expected_version: Option<i32>,
    target_url: MaybeUndefined<String>,
    /// A new slug; the old one goes on leading to this link.
    slug: MaybeUndefined<String>,
    title: MaybeUndefined<String>,
    description: MaybeUndefined<String>,
    image_url: MaybeUndefined<String>,
    external_id: MaybeUndefined<String>,
    redirect_status: MaybeUndefined<i32>,
    forward_query: MaybeUndefined<bool>,
    append_click_id: MaybeUndefined<bool>,
    #[graphql(flatten)]
    labels: LinkLabelsInput,
    #[graphql(flatten)]
    gate: LinkGateInput,
}

#[derive(InputObject)]
pub struct ArchiveLinkInput {
    id: ID,
    /// False takes the link back into use.
    #[graphql(default = true)]
    archived: bool,
}

#[derive(InputObject)]
pub struct DeleteLinkInput {
    id: ID,
}

/// Something worth knowing about what was saved.
#[derive(Clone, Debug, SimpleObject)]
pub struct Warning {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct CreateLinkPayload {
    pub link: Link,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct UpdateLinkPayload {
    pub link: Link,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ArchiveLinkPayload {
    pub link: Link,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct DeleteLinkPayload {
    pub deleted_id: ID,
}

#[derive(Default)]
pub struct LinkMutation;

#[Object]
impl LinkMutation {
    /// Makes a link. CONFLICT when the slug or the external id is taken.
    async fn create_link(&self, ctx: &Context<'_>, input: CreateLinkInput) -> ApiResult<Option<CreateLinkPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let (hosts, created_by) = {
            let scope = services.read(workspace).await?;
            (scope.hosts().await?, creator(ctx, &scope).await?)
        };
        let (own, mut invalid) = (services.own_hosts(&hosts), Invalid::default());
        let target = invalid.check(TargetUrl::parse("targetUrl", &input.target_url, own));
        let slug = input.slug.as_deref().map(|slug| invalid.check(Slug::parse(slug)));
        let title = input.title.as_deref().and_then(|title| invalid.check(parse_title(title)));
        let description = input.description.as_deref().and_then(|text| invalid.check(parse_description(text)));
        let image = input.image_url.as_deref().and_then(|url| invalid.check(parse_image_url(url, own)));
        let external_id = input.external_id.as_deref().and_then(|id| invalid.check(parse_external_id(id)));
        let redirect_status = input.redirect_status.and_then(|status| invalid.check(RedirectStatus::parse(status.into())));
        let labels = LinkLabels::default().with(input.labels.check(&mut invalid));
        let mut gate = input.gate.check(services, own, &Gate::default(), &mut invalid);
        let domain = match input.domain.as_deref() {
            Some(name) => invalid.check(domain_of_link(services, workspace, name).await?).flatten(),
            None => None,
        };
        invalid.finish()?;
        let warnings = domain.iter().filter_map(unverified).collect();
        gate.password = input.gate.hashed(services).await?;
        let gate = Gate::default().with(gate);
        let new = |slug, target| NewLink {
            id: LinkId::new(services.clock.now(), services.rng.entropy()),
            domain: domain.as_ref().map(|domain| domain.id),
            slug,
            target,
            title: title.flatten(),
            external_id: external_id.flatten(),
            about: LinkAbout { description: description.flatten(), image: image.flatten() },
            redirect_status: redirect_status.unwrap_or(RedirectStatus::DEFAULT),
            forward_query: input.forward_query.unwrap_or(false),
            labels,
            append_click_id: input.append_click_id.unwrap_or(false),
            created_by,
            gate,
        };
        let target = target.ok_or_else(|| ApiError::Internal("a checked input has no value".into()))?;
        let link = match slug.flatten() {
            Some(slug) => save(services, workspace, &new(slug, target)).await?,
            None => save_with_generated_slug(services, workspace, new(generated_slug(services), target)).await?,
        };
        notify(services, &[link.address()]).await;
        Ok(Some(CreateLinkPayload { link: Link::new(services, link), warnings }))
    }

    /// Changes a link: an absent field stays, null clears it. CONFLICT when `expectedVersion` is
    /// not the stored one.
    async fn update_link(&self, ctx: &Context<'_>, input: UpdateLinkInput) -> ApiResult<Option<UpdateLinkPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let (id, expected) = (link_id(&input.id)?, input.expected_version);
        let (hosts, stored) = {
            let scope = services.read(workspace).await?;
            let stored = match input.gate.depends_on_stored() {
                true => scope.link(id).await.map_err(link_error)?.gate,
                false => Gate::default(),
            };
            (scope.hosts().await?, stored)
        };
        let change = change(services, services.own_hosts(&hosts), &stored, input).await?;
        let scope = services.write(workspace).await?;
        let link = scope.update_link(id, change, expected, services.clock.now()).await.map_err(link_error)?;
        let slugs = scope.slugs_of(id).await?;
        scope.commit().await?;
        notify(services, &slugs).await;
        Ok(Some(UpdateLinkPayload { link: Link::new(services, link), warnings: Vec::new() }))
    }

    /// Puts a link aside: it is listed only when asked for, and leads on all the same.
    async fn archive_link(&self, ctx: &Context<'_>, input: ArchiveLinkInput) -> ApiResult<Option<ArchiveLinkPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let id = link_id(&input.id)?;
        let scope = services.write(workspace).await?;
        let link = scope.archive_link(id, input.archived, services.clock.now()).await.map_err(link_error)?;
        let slugs = scope.slugs_of(id).await?;
        scope.commit().await?;
        notify(services, &slugs).await;
        Ok(Some(ArchiveLinkPayload { link: Link::new(services, link) }))
    }

    /// Deletes a link. Its short URL answers 410 from now on; its clicks and counts stay.
    async fn delete_link(&self, ctx: &Context<'_>, input: DeleteLinkInput) -> ApiResult<Option<DeleteLinkPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let id = link_id(&input.id)?;
        let scope = services.write(workspace).await?;
        scope.delete_link(id, services.clock.now()).await.map_err(link_error)?;
        let slugs = scope.slugs_of(id).await?;
        scope.commit().await?;
        notify(services, &slugs).await;
        Ok(Some(DeleteLinkPayload { deleted_id: input.id }))
    }
}

/// The user who asks, or whose API key does.
async fn creator(ctx: &Context<'_>, scope: &WorkspaceScope) -> ApiResult<Option<UserId>> {
    Ok(match ctx.data_opt::<Caller>() {
        Some(Caller::Session(session)) => Some(session.user),
        Some(Caller::Key(key)) => scope.api_key_creator(key.id).await?,
        _ => None,
    })
}

async fn notify(services: &Services, addresses: &[LinkAddress]) {
    for address in addresses {
        services.notices.publish(LinkEvent::Changed { address: address.clone() }).await;
    }
}

async fn save(services: &Services, workspace: WorkspaceId, new: &NewLink) -> Result<domain::Link, ApiError> {
    let scope = services.write(workspace).await?;
    let link = scope.create_link(new, services.clock.now()).await?;
    scope.commit().await?;
    Ok(link)
}

async fn save_with_generated_slug(services: &Services, workspace: WorkspaceId, mut new: NewLink) -> Result<domain::Link, ApiError> {
    for _ in 1..SLUG_ATTEMPTS {
        let scope = services.write(workspace).await?;
        match scope.create_link(&new, services.clock.now()).await {
            Err(StoreError::Conflict(Conflict::Slug)) => new.slug = generated_slug(services),
            result => {
                let link = result?;
                scope.commit().await?;
                return Ok(link);
            }
        }
    }
    save(services, workspace, &new).await
}

fn generated_slug(services: &Services) -> Slug {
    loop {
        if let Some(slug) = Slug::generate(services.rng.bytes::<32>()) {
            return slug;
        }
    }
}

async fn change(services: &Services, own: OwnHosts<'_>, stored: &Gate, input: UpdateLinkInput) -> Result<LinkChange, ApiError> {
    let mut invalid = Invalid::default();
    let slug = required(&mut invalid, "slug", input.slug, |slug| Slug::parse(&slug));
    let target = required(&mut invalid, "targetUrl", input.target_url, |url| TargetUrl::parse("targetUrl", &url, own));
    let title = clearable(&mut invalid, input.title, parse_title);
    let description = clearable(&mut invalid, input.description, parse_description);
    let image = clearable(&mut invalid, input.image_url, |url| parse_image_url(url, own));
    let external_id = clearable(&mut invalid, input.external_id, parse_external_id);
    // Null goes back to the default.
    let redirect_status = match input.redirect_status {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(RedirectStatus::DEFAULT),
        MaybeUndefined::Value(status) => invalid.check(RedirectStatus::parse(status.into())),
    };
    let (forward_query, append_click_id) = (switch(input.forward_query), switch(input.append_click_id));
    let labels = input.labels.check(&mut invalid);
    let mut gate = input.gate.check(services, own, stored, &mut invalid);
    invalid.finish()?;
    gate.password = input.gate.hashed(services).await?;
    Ok(LinkChange { slug, target, title, external_id, description, image, redirect_status, forward_query, append_click_id, labels, gate })
}

/// Null goes back to the default, which is off.
fn switch(value: MaybeUndefined<bool>) -> Option<bool> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(false),
        MaybeUndefined::Value(value) => Some(value),
    }
}
