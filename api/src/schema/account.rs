//! Accounts: sign up and in, renew, sign out, and who one is.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::{Email, Invalid, Password, Role as DomainRole, UserId, WorkspaceId, WorkspaceName, parse_time_zone, workspace_slug};
use platform::config::SignUp;
use store::{NewAccount, NewSession};

use super::context::{Services, services, session, tenant};
use super::counted_parameters::CountedParameter;
use super::error::{ApiError, ApiResult};
use super::privacy::Privacy;
use super::scalars::{DateTime, TimeZone};
use super::workspace::ReferrerPolicy;
use crate::auth::{Grant, Granted};

/// What a member may do; each role may do what the ones below it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainRole")]
pub enum Role {
    Owner,
    Admin,
    Editor,
    Viewer,
}

/// A person who signs in.
#[derive(Clone, Debug, SimpleObject)]
pub struct User {
    pub id: ID,
    pub email: String,
}

/// A tenant: links, clicks and members belong to one.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Workspace {
    pub id: ID,
    pub name: String,
    /// Unique in this installation, made from the name.
    pub slug: String,
    /// The zone of its days.
    pub time_zone: TimeZone,
    pub created_at: DateTime,
}

#[ComplexObject]
impl Workspace {
    /// What redirects of its links send as Referrer-Policy. Null leaves it to the browsers.
    async fn referrer_policy(&self, ctx: &Context<'_>) -> ApiResult<Option<ReferrerPolicy>> {
        let id = self.id.parse().map_err(|_| ApiError::Internal("a workspace's id cannot be read".into()))?;
        Ok(services(ctx)?.store.workspace_policy(id).await?.referrer_policy.map(Into::into))
    }

    /// Clicks from before this are not kept: only their counts, by quarter-hour. Null while none was
    /// deleted for its age.
    async fn clicks_kept_from(&self, ctx: &Context<'_>) -> ApiResult<Option<DateTime>> {
        let id = self.id.parse().map_err(|_| ApiError::Internal("a workspace's id cannot be read".into()))?;
        let forgotten = services(ctx)?.read(id).await?.forgotten().await?;
        Ok((forgotten.purged_to > 0).then_some(DateTime(forgotten.kept_from)))
    }

    /// When it goes with everything in it, since an owner has asked for that; its links lead nowhere already. Null
    /// while nobody has.
    async fn deletion_at(&self, ctx: &Context<'_>) -> ApiResult<Option<DateTime>> {
        let id = self.id.parse().map_err(|_| ApiError::Internal("a workspace's id cannot be read".into()))?;
        Ok(services(ctx)?.read(id).await?.deletion_at().await?.map(DateTime))
    }

    /// For how many days after a click a conversion is taken as its.
    async fn attribution_days(&self, ctx: &Context<'_>) -> ApiResult<i32> {
        let id = self.id.parse().map_err(|_| ApiError::Internal("a workspace's id cannot be read".into()))?;
        Ok(services(ctx)?.read(id).await?.attribution_days().await?.get().into())
    }

    /// The parameter of short URLs that says to whom a message with the link was sent. Null where nobody is to be known.
    async fn recipient_parameter(&self, ctx: &Context<'_>) -> ApiResult<Option<String>> {
        let id = self.id.parse().map_err(|_| ApiError::Internal("a workspace's id cannot be read".into()))?;
        Ok(services(ctx)?.read(id).await?.recipient_parameter().await?.map(|parameter| parameter.as_str().to_owned()))
    }

    /// The query parameters of short URLs whose values are counted; at most 10.
    async fn counted_parameters(&self, ctx: &Context<'_>) -> ApiResult<Vec<CountedParameter>> {
        let id = self.id.parse().map_err(|_| ApiError::Internal("a workspace's id cannot be read".into()))?;
        Ok(services(ctx)?.read(id).await?.counted_parameters().await?.into_iter().map(Into::into).collect())
    }

    /// What is kept of its visitors.
    async fn privacy(&self, ctx: &Context<'_>) -> ApiResult<Privacy> {
        let id = self.id.parse().map_err(|_| ApiError::Internal("a workspace's id cannot be read".into()))?;
        Ok(services(ctx)?.store.workspace_policy(id).await?.privacy.into())
    }
}

impl From<store::Workspace> for Workspace {
    fn from(workspace: store::Workspace) -> Self {
        Self {
            id: workspace.id.to_string().into(),
            name: workspace.name,
            slug: workspace.slug,
            time_zone: TimeZone(workspace.time_zone),
            created_at: DateTime(workspace.created_at),
        }
    }
}

/// A workspace that the viewer is a member of.
#[derive(Clone, Debug, SimpleObject)]
pub struct Membership {
    pub workspace: Workspace,
    pub role: Role,
}

/// The one who asks.
#[derive(Clone, Debug, SimpleObject)]
pub struct Viewer {
    pub user: User,
    /// Oldest first.
    pub memberships: Vec<Membership>,
}

#[derive(InputObject)]
pub struct SignUpInput {
    email: String,
    /// At least 8 characters.
    password: String,
    workspace_name: String,
    /// Default: UTC.
    time_zone: Option<String>,
}

#[derive(InputObject)]
pub struct SignInInput {
    email: String,
    password: String,
    /// Which of the user's workspaces; default: the oldest membership.
    workspace_id: Option<ID>,
}

#[derive(InputObject)]
pub struct RefreshSessionInput {
    refresh_token: String,
}

/// A session: its tokens, and for whom they are.
#[derive(Clone, Debug, SimpleObject)]
pub struct SessionPayload {
    /// Goes into `Authorization: Bearer …`, for sockets into connection_init.
    pub access_token: String,
    /// Renews the session once; each use gives the next.
    pub refresh_token: String,
    /// When the access token ends.
    pub expires_at: DateTime,
    pub user: User,
    pub workspace: Workspace,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct SignOutPayload {
    /// The session that ended.
    pub session_id: ID,
}

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The signed-in user and the workspaces it belongs to. Null with an error when not signed in.
    async fn viewer(&self, ctx: &Context<'_>) -> ApiResult<Option<Viewer>> {
        let (services, session) = (services(ctx)?, session(ctx)?);
        let account = services.store.account(session.user).await?.ok_or(ApiError::Unauthenticated)?;
        let memberships = services.store.memberships_of(session.user).await?;
        let membership =
            |membership: store::Membership| Membership { workspace: membership.workspace.into(), role: membership.role.into() };
        Ok(Some(Viewer { user: user(account.id, account.email), memberships: memberships.into_iter().map(membership).collect() }))
    }

    /// The workspace that the credential is for. Null with an error when not signed in.
    async fn workspace(&self, ctx: &Context<'_>) -> ApiResult<Option<Workspace>> {
        let scope = services(ctx)?.read(tenant(ctx)?).await?;
        Ok(Some(scope.get().await?.into()))
    }
}

#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes a user with a workspace of its own, and signs in. CONFLICT when the e-mail address
    /// has an account.
    async fn sign_up(&self, ctx: &Context<'_>, input: SignUpInput) -> ApiResult<Option<SessionPayload>> {
        let services = services(ctx)?;
        if services.sign_up != SignUp::Open {
            return Err(ApiError::Forbidden("Signing up is closed here. Ask the operator of this installation for an invitation."));
        }
        let zone = input.time_zone.as_deref().unwrap_or("UTC");
        let mut invalid = Invalid::default();
        let email = invalid.check(Email::parse(&input.email));
        let password = invalid.check(Password::parse(&input.password));
        let name = invalid.check(WorkspaceName::parse(&input.workspace_name));
        let zone = invalid.check(parse_time_zone("timeZone", zone)).and_then(|zone| zone.iana_name().map(str::to_owned));
        invalid.finish()?;
        let (Some(email), Some(password), Some(name), Some(time_zone)) = (email, password, name, zone) else {
            return Err(ApiError::Internal("a checked input has no value".into()));
        };
        let password_hash = services.passwords.hash(password).await.map_err(ApiError::Internal)?;
        let now = services.clock.now();
        let workspace = store::Workspace {
            id: WorkspaceId::new(now, services.rng.entropy()),
            slug: workspace_slug(&name, &format!("{:08x}", u32::from_le_bytes(services.rng.bytes()))),
            name: name.as_str().to_owned(),
            time_zone,
            created_at: now,
        };
        let user_id = UserId::new(now, services.rng.entropy());
        let (refresh_token, session) = services.sessions.prepare(user_id, workspace.id, now);
        let new = NewAccount { email: email.clone(), password_hash, workspace: workspace.clone(), session };
        services.store.sign_up(new).await?;
        let membership = store::Membership { workspace, role: DomainRole::Owner };
        Ok(Some(payload(services, session, refresh_token, email.as_str().to_owned(), membership).await?))
    }

    /// Signs in with e-mail address and password.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> ApiResult<Option<SessionPayload>> {
        const WRONG: ApiError = ApiError::BadCredential("The e-mail address or the password is wrong.");
        let services = services(ctx)?;
        // What cannot be an account is answered like one with another password, and as slowly.
        let account = match Email::parse(&input.email) {
            Ok(email) => services.store.account_by_email(&email).await?,
            Err(_) => None,
        };
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        if !services.passwords.verify(input.password, hash).await.map_err(ApiError::Internal)? {
            return Err(WRONG);
        }
        let account = account.ok_or(WRONG)?;
        let memberships = services.store.memberships_of(account.id).await?;
        let wanted = |membership: &store::Membership| {
            input.workspace_id.as_ref().is_none_or(|wanted| **wanted == membership.workspace.id.to_string())
        };
        let membership = memberships.into_iter().find(wanted).ok_or(ApiError::NotFound("workspace of yours"))?;
        let (refresh_token, session) = services.sessions.prepare(account.id, membership.workspace.id, services.clock.now());
        services.store.start_session(&session).await?;
        Ok(Some(payload(services, session, refresh_token, account.email, membership).await?))
    }

    /// Exchanges a refresh token for a new pair of tokens. A token used twice ends its session,
    /// but for a repeat within 30 seconds, which is an answer that got lost.
    async fn refresh_session(&self, ctx: &Context<'_>, input: RefreshSessionInput) -> ApiResult<Option<SessionPayload>> {
        let services = services(ctx)?;
        let granted = services.sessions.renew(&input.refresh_token).await?;
        let Granted { session, refresh_token } = granted;
        let account = services.store.account(session.user).await?.ok_or(ApiError::Unauthenticated)?;
        let memberships = services.store.memberships_of(session.user).await?;
        let membership =
            memberships.into_iter().find(|membership| membership.workspace.id == session.workspace).ok_or(ApiError::Unauthenticated)?;
        Ok(Some(payload(services, session, refresh_token, account.email, membership).await?))
    }

    /// Ends the session of the access token: its tokens stop working and its sockets are closed.
    async fn sign_out(&self, ctx: &Context<'_>) -> ApiResult<Option<SignOutPayload>> {
        let (services, session) = (services(ctx)?, session(ctx)?);
        services.sessions.end(session.id).await?;
        Ok(Some(SignOutPayload { session_id: session.id.to_string().into() }))
    }
}

fn user(id: UserId, email: String) -> User {
    User { id: id.to_string().into(), email }
}

async fn payload(
    services: &Services,
    session: impl Into<Grant>,
    refresh_token: String,
    email: String,
    membership: store::Membership,
) -> Result<SessionPayload, ApiError> {
    let grant: Grant = session.into();
    let (access_token, expires_at) = services.sessions.access_token(&grant, membership.role).await?;
    Ok(SessionPayload {
        access_token,
        refresh_token,
        expires_at: DateTime(expires_at),
        user: user(grant.user, email),
        workspace: membership.workspace.into(),
    })
}

impl From<NewSession> for Grant {
    fn from(session: NewSession) -> Self {
        Self { id: session.id, user: session.user, workspace: session.workspace, version: 1 }
    }
}
