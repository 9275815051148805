//! What a workspace decides for its redirects: the referrer policy, and the secret under which it
//! signs addresses.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::{
    AttributionDays, AuditEntry, Invalid, Issue, IssueCode, KeyId, LogDraft, Millis, Privacy, RecipientParameter,
    ReferrerPolicy as DomainPolicy, SIGNED_PATH, Utm, WorkspaceId, check_signed_end, signed_url, signing_purpose, text_to_sign,
};
use platform::{SealKey, signature_of};
use store::{NewSigningSecret, WorkspaceScope};
use stream::LinkEvent;

use super::account::Workspace;
use super::context::{Services, admin, audit_entry, editor, home, services};
use super::counted_parameters::set_counted;
use super::error::{ApiError, ApiResult};
use super::privacy::{PrivacyInput, nullable};
use super::privacy_changed::privacy_changed;
use super::recipients::set_parameter;
use super::scalars::{DateTime, Url};
use crate::caller::Session;

/// So that scanners for leaked secrets can know one.
const PREFIX: &str = "ll_sign_";
const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;
/// How long an earlier secret stays good unless said otherwise, and at most.
const GRACE_DAYS: i32 = 30;
const MAX_GRACE_DAYS: i32 = 400;

/// How much of the short URL browsers tell the target, by the header Referrer-Policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainPolicy")]
pub enum ReferrerPolicy {
    /// Nothing.
    NoReferrer,
    /// The whole short URL, except from https to http.
    NoReferrerWhenDowngrade,
    /// The short domain only.
    Origin,
    /// The whole short URL on the same origin, else the short domain.
    OriginWhenCrossOrigin,
    /// The whole short URL on the same origin, else nothing.
    SameOrigin,
    /// The short domain, except from https to http.
    StrictOrigin,
    /// What browsers do by default: the short domain elsewhere, nothing from https to http.
    StrictOriginWhenCrossOrigin,
    /// The whole short URL, always.
    UnsafeUrl,
}

#[derive(InputObject)]
pub struct UpdateWorkspaceInput {
    /// What redirects of all links send as Referrer-Policy; null leaves it to the browsers.
    referrer_policy: MaybeUndefined<ReferrerPolicy>,
    /// What is kept of visitors from now on, and for how long.
    privacy: Option<PrivacyInput>,
    /// For how many days after a click a conversion is taken as its: 1 to 90, 30 unless changed.
    attribution_days: Option<i32>,
    /// The parameter of short URLs that says to whom a message with the link was sent, such as rid; null knows
    /// nobody. Clicks must keep it, by `privacy`. docs/cohorts.md.
    recipient_parameter: MaybeUndefined<String>,
    /// At most 10 parameters of short URLs whose values are counted, so that they are told without reading clicks and
    /// after these are gone: from the next day of the workspace's zone on. All others are told from clicks. Clicks must
    /// keep them, by `privacy`, and what they say must name no person, since their values stay with the counts.
    counted_parameters: Option<Vec<String>>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct UpdateWorkspacePayload {
    pub workspace: Workspace,
}

#[derive(InputObject)]
pub struct RotateSigningSecretInput {
    /// For how many days earlier secrets stay good: 0 (they end at once) to 400.
    #[graphql(default_with = "GRACE_DAYS")]
    grace_days: i32,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RotateSigningSecretPayload {
    /// The secret under which addresses are to be signed from now on. It is shown this once and
    /// never again.
    pub secret: String,
    /// Until when addresses that were signed under earlier secrets are good.
    pub earlier_valid_until: DateTime,
}

/// Campaign fields, to be added to a target's query.
#[derive(Clone, Debug, Default, InputObject)]
pub struct UtmInput {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    term: Option<String>,
    content: Option<String>,
}

#[derive(InputObject)]
pub struct SignRedirectUrlInput {
    /// Where the address leads, under the rules of any link's target.
    target_url: String,
    /// Added to the target's query, in place of its own; the click carries them.
    utm: Option<UtmInput>,
    /// Until when it leads on, to the second: within the next 400 days.
    expires_at: DateTime,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct SignRedirectUrlPayload {
    pub url: Url,
}

#[derive(Default)]
pub struct WorkspaceMutation;

#[Object]
impl WorkspaceMutation {
    /// Changes the workspace: an absent field stays, null clears it.
    async fn update_workspace(&self, ctx: &Context<'_>, input: UpdateWorkspaceInput) -> ApiResult<Option<UpdateWorkspacePayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let mut invalid = Invalid::default();
        let days = input.attribution_days.and_then(|days| invalid.check(AttributionDays::parse(days.into())));
        let scope = services.write(session.workspace).await?;
        // Whoever stores clicks locks in this order too.
        let counted = scope.lock_counted_parameters().await?;
        if let Some(days) = days {
            scope.set_attribution_days(days).await?;
        }
        let changed = match input.referrer_policy {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(policy) => Some(Some(policy.into())),
        };
        if let Some(policy) = changed {
            scope.set_referrer_policy(policy).await?;
        }
        let parameter =
            nullable(input.recipient_parameter).map(|name| name.and_then(|name| invalid.check(RecipientParameter::parse(&name))));
        if let Some(change) = input.privacy {
            let before = scope.privacy().await?;
            match before.clone().changed(change.into()) {
                Ok(privacy) => change_privacy(services, session, &scope, before, privacy).await?,
                Err(wrong) => invalid.0.extend(wrong.0),
            }
        }
        invalid.finish()?;
        set_parameter(services, session, &scope, parameter).await?;
        set_counted(services, session, &scope, (counted, input.counted_parameters)).await?;
        let workspace = scope.get().await?;
        scope.commit().await?;
        services.notices.publish(LinkEvent::Workspace { id: session.workspace }).await;
        Ok(Some(UpdateWorkspacePayload { workspace: workspace.into() }))
    }

    /// Makes a new secret for signed addresses. Earlier ones stay good for some days; at most four
    /// of them do.
    async fn rotate_signing_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "RotateSigningSecretInput { grace_days: GRACE_DAYS }")] input: RotateSigningSecretInput,
    ) -> ApiResult<Option<RotateSigningSecretPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        if !(0..=MAX_GRACE_DAYS).contains(&input.grace_days) {
            return Err(Issue::new("graceDays", IssueCode::OutOfRange, "Use 0 to 400 days.").into());
        }
        let key = seal_key(services)?;
        let now = services.clock.now();
        let secret = format!("{PREFIX}{}", hex(&services.rng.bytes::<32>()));
        let sealed = key.seal(&signing_purpose(session.workspace), secret.as_bytes(), &services.rng);
        let sealed = sealed.map_err(|error| ApiError::Internal(error.to_string()))?;
        let id = KeyId::new(now, services.rng.entropy());
        let earlier_until = now.plus(i64::from(input.grace_days) * DAY_MILLIS);
        let scope = services.write(session.workspace).await?;
        scope.rotate_signing_secret(NewSigningSecret { id, sealed }, earlier_until, &home(services), now).await?;
        scope.commit().await?;
        services.notices.publish(LinkEvent::Workspace { id: session.workspace }).await;
        Ok(Some(RotateSigningSecretPayload { secret, earlier_valid_until: DateTime(earlier_until) }))
    }

    /// Signs an address that leads to a target and logs the click, without a link. CONFLICT while
    /// there is no signing secret.
    async fn sign_redirect_url(&self, ctx: &Context<'_>, input: SignRedirectUrlInput) -> ApiResult<Option<SignRedirectUrlPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let now = services.clock.now();
        let utm = input.utm.unwrap_or_default();
        let utm = Utm { source: utm.source, medium: utm.medium, campaign: utm.campaign, term: utm.term, content: utm.content };
        let draft = LogDraft { url: input.target_url, utm: utm.clone(), ..LogDraft::default() };
        let hosts = services.read(workspace).await?.hosts().await?;
        let mut invalid = Invalid::default();
        invalid.check(check_signed_end(input.expires_at.0, now));
        let target = draft.url.trim_matches(' ').to_owned();
        if let Err(wrong) = draft.check(services.own_hosts(&hosts), SIGNED_PATH, now) {
            let named = |issue: Issue| if issue.path == "url" { Issue { path: "targetUrl".into(), ..issue } } else { issue };
            invalid.0.extend(wrong.0.into_iter().map(named));
        }
        invalid.finish()?;
        let secret = signing_secret(services, workspace).await?;
        let pairs = pairs(target, workspace, input.expires_at.0, &utm);
        let signature = signature_of(&secret, &text_to_sign(&pairs));
        Ok(Some(SignRedirectUrlPayload { url: Url(signed_url(&services.short_domain, &pairs, &signature)) }))
    }
}

async fn change_privacy(
    services: &Services,
    session: &Session,
    scope: &WorkspaceScope,
    before: Privacy,
    after: Privacy,
) -> Result<(), ApiError> {
    scope.set_privacy(&after).await?;
    if after != before {
        let details = privacy_changed(before, after);
        scope.tell(&audit_entry(services, session.user, AuditEntry::PRIVACY_CHANGED, details)).await?;
    }
    Ok(())
}

fn pairs(target: String, workspace: WorkspaceId, expires_at: Millis, utm: &Utm) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("u".to_owned(), target),
        ("w".to_owned(), workspace.to_string()),
        ("exp".to_owned(), expires_at.0.div_euclid(1_000).to_string()),
    ];
    pairs.extend(utm.pairs().map(|(key, value)| (key.to_owned(), value.to_owned())));
    pairs
}

async fn signing_secret(services: &Services, workspace: WorkspaceId) -> Result<Vec<u8>, ApiError> {
    let key = seal_key(services)?;
    let sealed = services.read(workspace).await?.signing_secret().await?.ok_or(ApiError::Conflict {
        field: "input",
        message: "This workspace has no signing secret yet. Make one with rotateSigningSecret.",
    })?;
    key.open(&signing_purpose(workspace), &sealed).map_err(|_| ApiError::Conflict {
        field: "input",
        message: "The signing secret was sealed under another key of this installation. Make a new one with rotateSigningSecret.",
    })
}

fn seal_key(services: &Services) -> Result<&SealKey, ApiError> {
    services.seal_key.as_ref().ok_or(ApiError::NoSealKey)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
