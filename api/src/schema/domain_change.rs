//! Domains: adding, verifying, changing and removing them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::{CustomDomain, DomainId, DomainSettingsChange, HostName, Invalid, Issue, OwnHosts, TargetUrl, parse_robots, parse_well_known};
use store::{Conflict, NewDomain, Proof, StoreError};
use stream::LinkEvent;

use super::context::{Services, admin, services};
use super::domain::{Domain, domain_id};
use super::error::{ApiError, ApiResult};
use crate::caller::Session;
use crate::domains::next_check;

/// Each look at DNS is a question to servers of others.
const VERIFY_PAUSE_MILLIS: i64 = 10_000;

/// The host to be added.
#[derive(InputObject)]
pub struct AddDomainInput {
    /// Such as go.example.com: no address, no port, no path.
    host: String,
}

/// The domain whose proof is looked for.
#[derive(InputObject)]
pub struct VerifyDomainInput {
    /// The domain's id.
    id: ID,
}

/// An absent field stays, null clears it.
#[derive(InputObject)]
pub struct UpdateDomainInput {
    /// The domain's id.
    id: ID,
    /// The version that the change is based on; another one stored is CONFLICT. Left out, the
    /// change is made to whatever is stored.
    expected_version: Option<i32>,
    /// Where `/` leads.
    root_url: MaybeUndefined<String>,
    /// Where a slug that is no link leads.
    not_found_url: MaybeUndefined<String>,
    /// Where an expired link without a `fallbackUrl` of its own leads.
    expired_url: MaybeUndefined<String>,
    /// Whether slugs are told apart by case. Only while the domain has no links. Default: false.
    case_sensitive: MaybeUndefined<bool>,
    /// Whether browsers are told, over https, to use nothing else for a year. Default: false.
    hsts: MaybeUndefined<bool>,
    /// JSON of at most 64 KiB for /.well-known/apple-app-site-association.
    apple_app_site_association: MaybeUndefined<String>,
    /// JSON of at most 64 KiB for /.well-known/assetlinks.json.
    asset_links: MaybeUndefined<String>,
    /// The text of robots.txt, at most 8 KiB.
    robots: MaybeUndefined<String>,
}

/// The domain to be removed.
#[derive(InputObject)]
pub struct RemoveDomainInput {
    /// The domain's id.
    id: ID,
}

/// What was added.
#[derive(Clone, Debug, SimpleObject)]
pub struct AddDomainPayload {
    /// With the records that must be made.
    pub domain: Domain,
}

/// What was found.
#[derive(Clone, Debug, SimpleObject)]
pub struct VerifyDomainPayload {
    /// Its `status` says whether the proof was found, and `problem` what is missing.
    pub domain: Domain,
}

/// What was changed.
#[derive(Clone, Debug, SimpleObject)]
pub struct UpdateDomainPayload {
    /// As it is now.
    pub domain: Domain,
}

/// What was removed.
#[derive(Clone, Debug, SimpleObject)]
pub struct RemoveDomainPayload {
    /// The id of the domain that was removed.
    pub removed_id: ID,
}

#[derive(Default)]
pub struct DomainMutation;

#[Object]
impl DomainMutation {
    /// Adds a host. It serves links once it is verified. CONFLICT when the workspace has it
    /// already, QUOTA_EXCEEDED above 100. A host that was removed comes back with its links.
    async fn add_domain(&self, ctx: &Context<'_>, input: AddDomainInput) -> ApiResult<Option<AddDomainPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let host = HostName::parse(&input.host, &services.short_domain, services.public_host.as_deref())?;
        let now = services.clock.now();
        let token = services.rng.bytes::<16>().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let scope = services.write(session.workspace).await?;
        let new = NewDomain { id: DomainId::new(now, services.rng.entropy()), host, token };
        let domain = scope.add_domain(&new, now).await.map_err(domain_error)?;
        scope.commit().await?;
        Ok(Some(AddDomainPayload { domain: Domain::new(services, session.workspace, domain) }))
    }

    /// Looks at DNS for the proof. CONFLICT when the host is verified in another workspace, or was
    /// within the last 30 days; RATE_LIMITED when asked again within 10 seconds; UNAVAILABLE when
    /// DNS does not answer.
    async fn verify_domain(&self, ctx: &Context<'_>, input: VerifyDomainInput) -> ApiResult<Option<VerifyDomainPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let domain = attempt(services, session, domain_id(&input.id)?).await?;
        let proof = services.proofs.look(session.workspace, &domain.host, &domain.token).await.map_err(|error| {
            tracing::debug!(%error, host = %domain.host, "a domain cannot be verified");
            ApiError::Unavailable("DNS does not answer right now, so the record cannot be looked for. Try again in a moment.")
        })?;
        let scope = services.write(session.workspace).await?;
        let (now, is_found) = (services.clock.now(), proof == Proof::Found);
        let recorded = scope.record_proof(domain.id, proof, now, next_check(now, &services.rng)).await.map_err(domain_error)?;
        scope.commit().await?;
        if is_found || recorded.status != domain.status {
            changed(services, &recorded).await;
        }
        Ok(Some(VerifyDomainPayload { domain: Domain::new(services, session.workspace, recorded) }))
    }

    /// Changes how a domain answers. CONFLICT when `expectedVersion` is not the stored one, or when
    /// `caseSensitive` is to change although the domain has links.
    async fn update_domain(&self, ctx: &Context<'_>, input: UpdateDomainInput) -> ApiResult<Option<UpdateDomainPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let id = domain_id(&input.id)?;
        let hosts = services.read(session.workspace).await?.hosts().await?;
        let change = settings(services.own_hosts(&hosts), &input)?;
        let scope = services.write(session.workspace).await?;
        let domain = scope.update_domain(id, change, input.expected_version).await.map_err(domain_error)?;
        scope.commit().await?;
        changed(services, &domain).await;
        Ok(Some(UpdateDomainPayload { domain: Domain::new(services, session.workspace, domain) }))
    }

    /// Removes a domain: it serves nothing from now on. For 30 days nobody but this workspace can
    /// verify the host. Its links stay, and serve again when the host is added and verified again.
    async fn remove_domain(&self, ctx: &Context<'_>, input: RemoveDomainInput) -> ApiResult<Option<RemoveDomainPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let scope = services.write(session.workspace).await?;
        let host = scope.remove_domain(domain_id(&input.id)?, services.clock.now()).await.map_err(domain_error)?;
        scope.commit().await?;
        services.notices.publish(LinkEvent::HostChanged { host }).await;
        Ok(Some(RemoveDomainPayload { removed_id: input.id }))
    }
}

/// Notes the attempt before DNS is asked, so that many at once ask once.
async fn attempt(services: &Services, session: &Session, id: DomainId) -> ApiResult<CustomDomain> {
    let (scope, now) = (services.write(session.workspace).await?, services.clock.now());
    if let Some(again) = scope.note_attempt(id, now, VERIFY_PAUSE_MILLIS).await.map_err(domain_error)? {
        let retry_after = u64::try_from((again.0 - now.0 + 999) / 1_000).unwrap_or(1);
        return Err(ApiError::RateLimited {
            retry_after,
            message: "DNS was asked for this domain just now. Wait a few seconds before the next attempt.",
        });
    }
    let domain = scope.domain(id).await.map_err(domain_error)?;
    scope.commit().await?;
    Ok(domain)
}

async fn changed(services: &Services, domain: &CustomDomain) {
    services.notices.publish(LinkEvent::HostChanged { host: domain.host.clone() }).await;
}

fn settings(own: OwnHosts<'_>, input: &UpdateDomainInput) -> Result<DomainSettingsChange, Invalid> {
    let mut invalid = Invalid::default();
    let target = |field: &'static str| move |text: &str| TargetUrl::parse(field, text, own).map(Some);
    let document = |field: &'static str| move |text: &str| parse_well_known(field, text);
    let flag = |value: &MaybeUndefined<bool>| match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(false),
        MaybeUndefined::Value(value) => Some(*value),
    };
    let change = DomainSettingsChange {
        root: clearable(&mut invalid, &input.root_url, target("rootUrl")),
        not_found: clearable(&mut invalid, &input.not_found_url, target("notFoundUrl")),
        expired: clearable(&mut invalid, &input.expired_url, target("expiredUrl")),
        case_sensitive: flag(&input.case_sensitive),
        hsts: flag(&input.hsts),
        apple_app_site_association: clearable(&mut invalid, &input.apple_app_site_association, document("appleAppSiteAssociation")),
        asset_links: clearable(&mut invalid, &input.asset_links, document("assetLinks")),
        robots: clearable(&mut invalid, &input.robots, parse_robots),
    };
    invalid.finish()?;
    Ok(change)
}

fn clearable<T>(
    invalid: &mut Invalid,
    value: &MaybeUndefined<String>,
    parse: impl FnOnce(&str) -> Result<Option<T>, Issue>,
) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(text) => invalid.check(parse(text)),
    }
}

fn domain_error(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::NotFound("domain"),
        StoreError::Conflict(Conflict::Version) => ApiError::Conflict {
            field: "expectedVersion",
            message: "The domain was changed in the meantime. Load it again and repeat your change.",
        },
        other => other.into(),
    }
}
