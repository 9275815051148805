//! Erasing: a visitor's clicks, or the history of a link.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::{AuditEntry, ErasureId, Issue, IssueCode, LocalDay, Millis, PrivacyLevel, RecipientParameter, VisitorKey, WorkspaceId};
use enrich::{RECIPE_CONSENTED, visitor_of_day};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::{FreshSalt, NewErasure, Subject};

use super::context::{Services, admin, audit_entry, services};
use super::erasure_input::{Asked, EraseVisitorInput};
use super::error::{ApiError, ApiResult};
use super::link::{Link, link_error, link_id};
use super::scalars::DateTime;
use crate::caller::Session;

/// How long a request erases by itself; a worker goes on.
const PATIENCE: Duration = Duration::from_secs(8);
const DAY_MILLIS: i64 = 24 * 3_600_000;

/// Why clicks of the visitor may be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum NotFoundReason {
    /// What told the visitors of earlier days apart is destroyed, so nobody can find their clicks by an
    /// address any more, unless the workspace keeps addresses in full.
    SaltsDestroyed,
    /// Clicks of a browser that objected (Global Privacy Control, or Do Not Track where the workspace respects it), or
    /// without the consent that the workspace asks for, hold nothing that tells whose they are.
    Objected,
    /// Clicks under an id that the visitor consented to are found by that id; by an address only as long as the
    /// workspace keeps it in full.
    Consented,
    /// Clicks without an id that was consented to cannot be told to be this visitor's by it.
    WithoutConsent,
    /// Clicks whose short URL did not have the recipient's id cannot be told to be theirs by it.
    WithoutRecipientId,
}

/// What cannot be searched for.
#[derive(Clone, Debug, SimpleObject)]
pub struct NotFound {
    pub reason: NotFoundReason,
    /// For a person.
    pub message: String,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct EraseVisitorPayload {
    /// How many clicks were erased by now.
    pub erased_clicks: u64,
    /// Whether that is all; if not, the rest is erased in the background.
    pub complete: bool,
    /// The first instant from which on clicks were searched for; those with an address in full also from before.
    /// Null where all were.
    pub searched_from: Option<DateTime>,
    /// Off how many lists of recipients they were taken; 0 unless asked by `recipientId`.
    pub removed_from_lists: u64,
    /// What cannot be found, and why.
    pub not_found: Vec<NotFound>,
}

#[derive(InputObject)]
pub struct DeleteLinkHistoryInput {
    link_id: ID,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct DeleteLinkHistoryPayload {
    /// The link, which stays.
    pub link: Link,
    /// How many clicks were erased by now.
    pub erased_clicks: u64,
    /// Whether that is all; if not, the rest is erased in the background.
    pub complete: bool,
}

#[derive(Default)]
pub struct ErasureMutation;

#[Object]
impl ErasureMutation {
    /// Erases the clicks of a visitor that were made until now, and takes them out of all counts. What is still
    /// under way of them is not stored. By `recipientId` they are taken off the lists of recipients too. For owners and
    /// admins.
    async fn erase_visitor(&self, ctx: &Context<'_>, input: EraseVisitorInput) -> ApiResult<Option<EraseVisitorPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let (workspace, now) = (session.workspace, services.clock.now());
        let (erasures, searched_from, not_found) = match input.check()? {
            Asked::Consented(key) => {
                let subject = Subject::Visitor(VisitorKey { key, recipe: RECIPE_CONSENTED });
                let message = "Clicks that this visitor made without having consented carry no id, and are not found by it.";
                (
                    vec![erasure(services, subject, Millis(0), now)],
                    None,
                    vec![NotFound { reason: NotFoundReason::WithoutConsent, message: message.into() }],
                )
            }
            Asked::Recipient(id, parameter) => {
                let parameter = match parameter {
                    Some(parameter) => parameter,
                    None => recipient_parameter(services, workspace).await?,
                };
                (vec![erasure(services, Subject::Recipient(parameter, id), Millis(0), now)], None, lost_by_recipient())
            }
            Asked::Address(ip, agent) => {
                let (erasures, from) = of_address(services, workspace, ip, &agent, now).await?;
                (erasures, Some(DateTime(from)), lost_by_address(from))
            }
        };
        let erased = carry_out(services, workspace, &erasures, now).await?;
        let details = json!({ "clicks": erased.clicks, "complete": erased.complete, "lists": erased.lists });
        tell(services, session, AuditEntry::VISITOR_ERASED, details).await?;
        Ok(Some(EraseVisitorPayload {
            erased_clicks: erased.clicks,
            complete: erased.complete,
            searched_from,
            removed_from_lists: erased.lists,
            not_found,
        }))
    }

    /// Erases all clicks and counts of a link that there are until now; the link itself stays. For owners and
    /// admins.
    async fn delete_link_history(&self, ctx: &Context<'_>, input: DeleteLinkHistoryInput) -> ApiResult<Option<DeleteLinkHistoryPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let workspace = session.workspace;
        let (id, now) = (link_id(&input.link_id)?, services.clock.now());
        services.read(workspace).await?.link(id).await.map_err(link_error)?;
        let asked = [erasure(services, Subject::History(id), Millis(0), now)];
        let erased = carry_out(services, workspace, &asked, now).await?;
        let details = json!({ "link": id.to_string(), "clicks": erased.clicks, "complete": erased.complete });
        tell(services, session, AuditEntry::HISTORY_DELETED, details).await?;
        let link = services.read(workspace).await?.link(id).await.map_err(link_error)?;
        let link = Link::new(services, link);
        Ok(Some(DeleteLinkHistoryPayload { link, erased_clicks: erased.clicks, complete: erased.complete }))
    }
}

/// The visitor's keys of the days that can still be told, and from when on that is; and the address itself where
/// clicks may have it.
async fn of_address(
    services: &Services,
    workspace: WorkspaceId,
    ip: IpAddr,
    agent: &str,
    now: Millis,
) -> Result<(Vec<NewErasure>, Millis), ApiError> {
    let zone = services.read(workspace).await?.get().await?.time_zone;
    let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
    let salts = services.store.living_salts(workspace, now).await?;
    let start = |day: LocalDay| day.start(&zone).unwrap_or(now);
    let mut erasures = Vec::with_capacity(salts.len());
    for salt in &salts {
        let key = visitor_of_day(&salt.salt, workspace, ip, Some(agent));
        // A day's key is on its clicks only; a day's width more costs nothing and forgives a zone that was changed.
        let from = Millis(start(salt.day).0.saturating_sub(DAY_MILLIS).max(0));
        erasures.push(erasure(services, Subject::Visitor(key), from, now));
    }
    let is_full = services.store.workspace_policy(workspace).await?.privacy.level == PrivacyLevel::Full;
    // Also while those that a workspace kept before are being removed.
    if is_full || services.store.keeps_addresses(workspace).await? {
        erasures.push(erasure(services, Subject::Address(ip, agent.to_owned()), Millis(0), now));
    }
    Ok((erasures, salts.first().map_or(now, |salt| start(salt.day))))
}

async fn recipient_parameter(services: &Services, workspace: WorkspaceId) -> Result<RecipientParameter, ApiError> {
    let none = "This workspace says of no parameter that it holds ids of recipients. Name the one that did so.";
    let known = services.read(workspace).await?.recipient_parameter().await?;
    known.ok_or_else(|| Issue::new("recipientParameter", IssueCode::Required, none).into())
}

fn lost_by_recipient() -> Vec<NotFound> {
    let without = "Clicks of this person whose short URL did not have their id are not found by it.";
    let objected = "Clicks of a browser that objects to being recognised, or that came without the consent that the workspace asks for, \
                    hold no recipient's id.";
    let not_found = |reason, message: &str| NotFound { reason, message: message.into() };
    vec![not_found(NotFoundReason::WithoutRecipientId, without), not_found(NotFoundReason::Objected, objected)]
}

fn lost_by_address(from: Millis) -> Vec<NotFound> {
    let salts = format!(
        "Clicks from before {from} cannot be found by an address any more: what told visitors apart on those days has been destroyed, \
         for everybody. Only those that the workspace has kept with the full address were searched."
    );
    let objected = "Clicks of a browser that objects to being recognised, or that came without the consent that the workspace asks for, \
                    hold nothing that tells whose they are, so nobody can find them.";
    let consented = "Clicks under an id that the visitor consented to are found by that id: ask by consentedId as well. By address only \
                     those were found that the workspace has kept with the full address.";
    let not_found = |reason, message: &str| NotFound { reason, message: message.into() };
    vec![
        not_found(NotFoundReason::SaltsDestroyed, &salts),
        not_found(NotFoundReason::Objected, objected),
        not_found(NotFoundReason::Consented, consented),
    ]
}

fn erasure(services: &Services, subject: Subject, from: Millis, now: Millis) -> NewErasure {
    NewErasure { id: ErasureId::new(now, services.rng.entropy()), subject, from, before: now.plus(1) }
}

#[derive(Clone, Copy, Debug)]
struct Erased {
    clicks: u64,
    /// That a recipient was taken off.
    lists: u64,
    complete: bool,
}

/// Once it is noted it is carried out, whatever becomes of this request.
async fn carry_out(services: &Services, workspace: WorkspaceId, asked: &[NewErasure], now: Millis) -> Result<Erased, ApiError> {
    let fresh = || FreshSalt(services.rng.bytes());
    let lists = services.store.begin_erasures(workspace, asked, fresh(), now).await.map_err(link_error)?;
    let (started, mut clicks) = (Instant::now(), 0);
    for erasure in asked {
        loop {
            match services.store.erase_step(workspace, erasure.id, fresh(), now).await {
                Ok(step) => {
                    clicks += step.clicks;
                    if !step.more {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "an erasure cannot go on; a worker tries again");
                    return Ok(Erased { clicks, lists, complete: false });
                }
            }
            if started.elapsed() > PATIENCE {
                return Ok(Erased { clicks, lists, complete: false });
            }
        }
    }
    // Also where nothing was erased: what was asked for stood in it.
    if let Err(error) = services.store.empty_log().await {
        tracing::warn!(%error, "SQLite's log still has what was erased, until it is written over");
    }
    Ok(Erased { clicks, lists, complete: true })
}

/// In the audit log: what and how many, never whose.
async fn tell(services: &Services, session: &Session, action: &str, details: Value) -> Result<(), ApiError> {
    let scope = services.write(session.workspace).await?;
    scope.tell(&audit_entry(services, session.user, action, details)).await?;
    Ok(scope.commit().await?)
}
