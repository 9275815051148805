//! Recipients: lists of those whom something was sent to, and who of them has clicked.

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use domain::{
    ApiScope, AuditEntry, MAX_RECIPIENT_LISTS, MAX_RECIPIENTS, RecipientImport, RecipientListId, RecipientParameter, WorkspaceId,
    parse_recipients,
};
use serde_json::json;
use store::{RecipientRequest, StoreError, WorkspaceScope};

use super::context::{Services, audit_entry, editor, reader, services};
use super::error::{ApiError, ApiResult};
use super::filter::{ClickFilterInput, resolve};
use super::page::{Cursor, PageArgs, PageInfo, page_info};
use super::scalars::DateTime;
use crate::caller::Session;

/// Those whom something was sent to.
#[derive(Clone, Debug, SimpleObject)]
pub struct RecipientList {
    pub id: ID,
    /// Unique in the workspace.
    pub name: String,
    /// How many are on it.
    pub size: u64,
}

impl From<store::RecipientList> for RecipientList {
    fn from(list: store::RecipientList) -> Self {
        Self { id: list.id.to_string().into(), name: list.name, size: list.size }
    }
}

/// A recipient, by the workspace's own id.
#[derive(Clone, Debug, SimpleObject)]
pub struct RecipientClicks {
    pub recipient: String,
    /// 0: not clicked.
    pub clicks: u64,
    /// Null without clicks.
    pub first_clicked_at: Option<DateTime>,
    /// Null without clicks.
    pub last_clicked_at: Option<DateTime>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RecipientClicksEdge {
    pub cursor: String,
    pub node: RecipientClicks,
}

/// By the bytes of their ids.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct RecipientClicksConnection {
    pub edges: Vec<RecipientClicksEdge>,
    pub nodes: Vec<RecipientClicks>,
    pub page_info: PageInfo,
    #[graphql(skip)]
    request: RecipientRequest,
}

#[ComplexObject]
impl RecipientClicksConnection {
    /// How many recipients there are on all pages; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        let scope = services(ctx)?.read(reader(ctx, ApiScope::ClicksRead)?).await?;
        Ok(scope.count_recipients(&self.request).await?)
    }
}

#[derive(InputObject)]
pub struct ImportRecipientsInput {
    /// Of the list, which is made where there is none of that name; at most 100 characters.
    name: String,
    /// 1 to 10,000 at once, of 1 to 128 characters; those that are on the list already stay. Ids of your own, such as
    /// u-1047: do not use mail addresses or names.
    ids: Vec<String>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ImportRecipientsPayload {
    pub list: RecipientList,
    /// How many were not on the list before.
    pub added: u64,
}

#[derive(InputObject)]
pub struct RemoveRecipientsInput {
    /// Without it they are taken off all lists.
    list_id: Option<ID>,
    /// 1 to 10,000.
    ids: Vec<String>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RemoveRecipientsPayload {
    /// Off how many lists they were taken, all together.
    pub removed: u64,
}

#[derive(InputObject)]
pub struct DeleteRecipientListInput {
    id: ID,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct DeleteRecipientListPayload {
    pub deleted_id: ID,
}

/// The id at which a page ends.
struct RecipientCursor(String);

impl Cursor for RecipientCursor {
    const PREFIX: &'static str = "p:";
    fn text(&self) -> String {
        self.0.clone()
    }
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

#[derive(Default)]
pub struct RecipientQuery;

#[Object]
impl RecipientQuery {
    /// Lists of recipients, by name; at most 20.
    async fn recipient_lists(&self, ctx: &Context<'_>) -> ApiResult<Option<Vec<RecipientList>>> {
        let lists = services(ctx)?.read(reader(ctx, ApiScope::ClicksRead)?).await?.recipient_lists().await?;
        Ok(Some(lists.into_iter().map(Into::into).collect()))
    }

    /// Recipients and their clicks by `Workspace.recipientParameter`: those on a list, or whoever has clicked.
    /// `clicked` leaves those who have, or who have not; the latter needs a list. People's clicks, unless the filter
    /// names verdicts. CONFLICT while there is no such parameter.
    async fn recipient_clicks(
        &self,
        ctx: &Context<'_>,
        list_id: Option<ID>,
        filter: Option<ClickFilterInput>,
        clicked: Option<bool>,
        first: Option<i32>,
        after: Option<String>,
    ) -> ApiResult<Option<RecipientClicksConnection>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let page = PageArgs { first, after, ..PageArgs::default() }.request::<RecipientCursor>()?;
        let list = list_id.as_ref().map(parse_list).transpose()?;
        if list.is_none() && clicked == Some(false) {
            let message = "Who has not clicked is known of a list only. Give listId.";
            return Err(domain::Issue::new("listId", domain::IssueCode::Required, message).into());
        }
        note_all(services, workspace).await?;
        let scope = services.read(workspace).await?;
        let filter = resolve(services, &scope, filter).await?;
        let limit = page.limit;
        let request = RecipientRequest { list, filter, clicked, after: page.after.map(|cursor| cursor.0), limit };
        let mut rows = scope.recipient_clicks(&request).await.map_err(no_list)?;
        let has_next = rows.len() as u64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let cursors: Vec<String> = rows.iter().map(|row| RecipientCursor(row.recipient.clone()).encode()).collect();
        let node = |row: store::RecipientClicks| RecipientClicks {
            recipient: row.recipient,
            clicks: row.clicks,
            first_clicked_at: row.between.map(|(first, _)| DateTime(first)),
            last_clicked_at: row.between.map(|(_, last)| DateTime(last)),
        };
        let nodes: Vec<RecipientClicks> = rows.into_iter().map(node).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| RecipientClicksEdge { cursor, node: node.clone() }).collect();
        Ok(Some(RecipientClicksConnection { edges, page_info: page_info(&cursors, has_next, request.after.is_some()), nodes, request }))
    }
}

#[derive(Default)]
pub struct RecipientMutation;

#[Object]
impl RecipientMutation {
    /// Adds recipients to a list: at most 100,000 on one, 20 lists in a workspace (else QUOTA_EXCEEDED). CONFLICT
    /// while the workspace has no `recipientParameter`.
    async fn import_recipients(&self, ctx: &Context<'_>, input: ImportRecipientsInput) -> ApiResult<Option<ImportRecipientsPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let import = RecipientImport::parse(&input.name, input.ids)?;
        let scope = services.write(workspace).await?;
        parameter(&scope).await?;
        let fresh = RecipientListId::new(services.clock.now(), services.rng.entropy());
        let (list, added) = scope.import_recipients(&import, fresh).await.map_err(|error| match error {
            StoreError::TooMany => ApiError::Quota(format!(
                "A workspace has at most {MAX_RECIPIENT_LISTS} lists of recipients, and each at most {MAX_RECIPIENTS} of these. Delete a list, or take some off."
            )),
            other => other.into(),
        })?;
        scope.commit().await?;
        Ok(Some(ImportRecipientsPayload { list: list.into(), added }))
    }

    /// Takes recipients off a list, or off all. Clicks that hold their ids stay; docs/cohorts.md says what erases these.
    async fn remove_recipients(&self, ctx: &Context<'_>, input: RemoveRecipientsInput) -> ApiResult<Option<RemoveRecipientsPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let list = input.list_id.as_ref().map(parse_list).transpose()?;
        let ids = parse_recipients(input.ids)?;
        let scope = services.write(workspace).await?;
        let removed = scope.remove_recipients(list, &ids).await.map_err(no_list)?;
        scope.commit().await?;
        Ok(Some(RemoveRecipientsPayload { removed }))
    }

    /// Deletes a list and who is on it.
    async fn delete_recipient_list(
        &self,
        ctx: &Context<'_>,
        input: DeleteRecipientListInput,
    ) -> ApiResult<Option<DeleteRecipientListPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let list = parse_list(&input.id)?;
        let scope = services.write(workspace).await?;
        scope.delete_recipient_list(list).await.map_err(no_list)?;
        scope.commit().await?;
        Ok(Some(DeleteRecipientListPayload { deleted_id: input.id }))
    }
}

/// Sets the parameter, or clears it, and checks the one there is by then against what is kept of visitors: to be
/// called after that was changed.
pub(crate) async fn set_parameter(
    services: &Services,
    session: &Session,
    scope: &WorkspaceScope,
    changed: Option<Option<RecipientParameter>>,
) -> Result<(), ApiError> {
    let before = scope.recipient_parameter().await?;
    let after = changed.unwrap_or_else(|| before.clone());
    if let Some(parameter) = &after {
        parameter.check(&scope.privacy().await?)?;
    }
    if after != before {
        scope.set_recipient_parameter(after.as_ref()).await?;
        let [from, to] = [&before, &after].map(|one| one.as_ref().map(RecipientParameter::as_str));
        let details = json!({ "from": from, "to": to });
        scope.tell(&audit_entry(services, session.user, AuditEntry::RECIPIENT_PARAMETER_CHANGED, details)).await?;
    }
    Ok(())
}

/// Notes of the clicks that came since it was done last whose they are, in steps so that clicks are stored meanwhile.
async fn note_all(services: &Services, workspace: WorkspaceId) -> Result<(), ApiError> {
    let scope = services.read(workspace).await?;
    parameter(&scope).await?;
    let mut more = scope.has_unnoted_clicks().await?;
    drop(scope);
    while more {
        let scope = services.write(workspace).await?;
        more = scope.note_recipients().await?;
        scope.commit().await?;
    }
    Ok(())
}

async fn parameter(scope: &WorkspaceScope) -> Result<RecipientParameter, ApiError> {
    scope.recipient_parameter().await?.ok_or(ApiError::Conflict {
        field: "input",
        message: "This workspace has no parameter for recipients. An admin sets one with updateWorkspace(input: {recipientParameter}).",
    })
}

fn parse_list(id: &ID) -> Result<RecipientListId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound("list"))
}

fn no_list(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::NotFound("list"),
        other => other.into(),
    }
}
