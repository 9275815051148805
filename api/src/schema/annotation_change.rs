//! Writing annotations: for whoever may edit links.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::{AnnotationChange, AnnotationId, AnnotationKind, Invalid, Issue, IssueCode, LinkId};
use store::{Conflict, MAX_ANNOTATIONS, StoreError};

use super::annotation::Annotation;
use super::context::{editor, services};
use super::error::{ApiError, ApiResult};
use super::scalars::DateTime;
use crate::caller::Caller;

#[derive(InputObject)]
pub struct CreateAnnotationInput {
    at: DateTime,
    /// First instant no longer meant. Default: a moment.
    until: Option<DateTime>,
    /// 1 to 280 characters, on one line.
    text: String,
    /// The link that it is about. Default: the whole workspace.
    link_id: Option<ID>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct CreateAnnotationPayload {
    pub annotation: Annotation,
}

#[derive(InputObject)]
pub struct UpdateAnnotationInput {
    id: ID,
    at: MaybeUndefined<DateTime>,
    /// Null makes it a moment.
    until: MaybeUndefined<DateTime>,
    /// 1 to 280 characters, on one line.
    text: MaybeUndefined<String>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct UpdateAnnotationPayload {
    pub annotation: Annotation,
}

#[derive(InputObject)]
pub struct DeleteAnnotationInput {
    id: ID,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct DeleteAnnotationPayload {
    pub deleted_id: ID,
}

#[derive(Default)]
pub struct AnnotationMutation;

#[Object]
impl AnnotationMutation {
    /// Writes down what happened at an instant. For whoever may edit links; a workspace has at most 10,000
    /// annotations, and the oldest that noted themselves make room.
    async fn create_annotation(&self, ctx: &Context<'_>, input: CreateAnnotationInput) -> ApiResult<Option<CreateAnnotationPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let (at, until) = (input.at.0, input.until.map(|until| until.0));
        let mut invalid = Invalid(domain::Annotation::check_range(at, until));
        let text = invalid.check(domain::Annotation::parse_text(&input.text));
        invalid.finish()?;
        let link = input.link_id.map(|id| id.parse::<LinkId>()).transpose().map_err(|_| ApiError::NotFound("link"))?;
        let author = match ctx.data_opt::<Caller>() {
            Some(Caller::Session(session)) => Some(session.user),
            _ => None,
        };
        let now = services.clock.now();
        let id = AnnotationId::new(now, services.rng.entropy());
        let text = text.unwrap_or_default();
        let annotation = domain::Annotation { id, at, until, kind: AnnotationKind::Note, text, link, author, created_at: now };
        let scope = services.write(workspace).await?;
        scope.create_annotation(&annotation).await.map_err(|error| match error {
            StoreError::NotFound => ApiError::NotFound("link"),
            StoreError::TooMany => ApiError::Quota(format!(
                "A workspace can have at most {MAX_ANNOTATIONS} annotations. Delete some that say nothing any more."
            )),
            other => other.into(),
        })?;
        scope.commit().await?;
        Ok(Some(CreateAnnotationPayload { annotation: Annotation::new(workspace, annotation) }))
    }

    /// Changes a note: an absent field stays. What noted itself stays as it is (FORBIDDEN), and can be deleted.
    async fn update_annotation(&self, ctx: &Context<'_>, input: UpdateAnnotationInput) -> ApiResult<Option<UpdateAnnotationPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let id = annotation_id(&input.id)?;
        let scope = services.write(workspace).await?;
        let before = scope.annotation(id).await.map_err(annotation_error)?;
        let change = change(input, &before)?;
        let annotation = scope.update_annotation(id, change).await.map_err(annotation_error)?;
        scope.commit().await?;
        Ok(Some(UpdateAnnotationPayload { annotation: Annotation::new(workspace, annotation) }))
    }

    /// Deletes an annotation of any kind.
    async fn delete_annotation(&self, ctx: &Context<'_>, input: DeleteAnnotationInput) -> ApiResult<Option<DeleteAnnotationPayload>> {
        let (services, workspace) = (services(ctx)?, editor(ctx)?);
        let scope = services.write(workspace).await?;
        scope.delete_annotation(annotation_id(&input.id)?).await.map_err(annotation_error)?;
        scope.commit().await?;
        Ok(Some(DeleteAnnotationPayload { deleted_id: input.id }))
    }
}

fn change(input: UpdateAnnotationInput, before: &domain::Annotation) -> Result<AnnotationChange, Invalid> {
    let mut invalid = Invalid::default();
    let missing = |path: &str| Issue::new(path, IssueCode::Required, "It cannot be without this. Leave the field out to keep what it has.");
    let mut required = |path: &str, is_null: bool| {
        if is_null {
            invalid.0.push(missing(path));
        }
    };
    required("at", input.at.is_null());
    required("text", input.text.is_null());
    let at = input.at.take().map(|at| at.0);
    let until = match input.until {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(until) => Some(Some(until.0)),
    };
    let text = input.text.take().and_then(|text| invalid.check(domain::Annotation::parse_text(&text)));
    invalid.0.extend(domain::Annotation::check_range(at.unwrap_or(before.at), until.unwrap_or(before.until)));
    invalid.finish()?;
    Ok(AnnotationChange { at, until, text })
}

fn annotation_id(id: &ID) -> Result<AnnotationId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound("annotation"))
}

fn annotation_error(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::NotFound("annotation"),
        StoreError::Conflict(Conflict::Fixed) => {
            ApiError::Forbidden("This annotation noted itself, so its words cannot be changed. Delete it, or write one of your own.")
        }
        other => other.into(),
    }
}
