//! What notes itself, in the transaction of what is noted: a link that leads elsewhere, clicks that were judged
//! again. An id follows from what is noted, so that doing the same again notes it once.

use domain::{Annotation, AnnotationId, AnnotationKind, Job, JobKind, JobStatus, LinkId, Millis};
use entity::annotation::{Column, Entity};
use entity::link;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{MAX_ANNOTATIONS, row};
use crate::{StoreError, WorkspaceScope};

impl WorkspaceScope {
    /// To be called before a change of a link is written: notes it where the link leads elsewhere by it.
    pub(crate) async fn note_link_change(&self, id: LinkId, changed: &link::ActiveModel) -> Result<(), StoreError> {
        let before = self.all().filter(link::Column::Id.eq(id.0)).one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        let changes = changes(&before, changed);
        if changes.is_empty() || !self.make_room().await? {
            return Ok(());
        }
        let at = Millis(set(&changed.updated_at).copied().unwrap_or(before.updated_at));
        let noted = Annotation {
            id: id_of(at, id.0, before.version + 1),
            at,
            until: None,
            kind: AnnotationKind::LinkChanged,
            text: Annotation::cut(&format!("{}.", changes.join("; "))),
            link: Some(id),
            author: None,
            created_at: at,
        };
        insert(&self.transaction, self.workspace.0, &noted).await
    }
}

/// Notes that a job is done which changed what clicks count as.
pub(crate) async fn note_job(transaction: &DatabaseTransaction, job: &Job) -> Result<(), StoreError> {
    let (JobKind::Reclassify, JobStatus::Done, Some(at)) = (job.kind, job.status, job.finished_at) else { return Ok(()) };
    let all = Entity::find().filter(Column::WorkspaceId.eq(job.workspace.0)).count(transaction).await?;
    // A worker deletes nothing.
    if all >= MAX_ANNOTATIONS {
        return Ok(());
    }
    let text =
        format!("Clicks from {} to {} were judged again: {} of {} are something else now.", job.from, job.to, job.changed, job.looked);
    let noted = Annotation {
        id: id_of(job.created_at, job.id.0, 0),
        at,
        until: None,
        kind: AnnotationKind::Reclassified,
        text: Annotation::cut(&text),
        link: None,
        author: None,
        created_at: at,
    };
    insert(transaction, job.workspace.0, &noted).await
}

async fn insert(transaction: &DatabaseTransaction, workspace: Uuid, noted: &Annotation) -> Result<(), StoreError> {
    let there = OnConflict::column(Column::Id).do_nothing().to_owned();
    Entity::insert(row(workspace, noted)).on_conflict(there).exec_without_returning(transaction).await?;
    Ok(())
}

fn id_of(at: Millis, subject: Uuid, version: i32) -> AnnotationId {
    let hash: [u8; 32] = Sha256::new().chain_update(subject.as_bytes()).chain_update(version.to_le_bytes()).finalize().into();
    let mut entropy = [0; 10];
    entropy.copy_from_slice(&hash[..10]);
    AnnotationId::new(at, entropy)
}

/// What of a change matters to who looks at counts, in words.
fn changes(before: &link::Model, changed: &link::ActiveModel) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(target) = set(&changed.target_url).filter(|target| **target != before.target_url) {
        words.push(format!("The target is {target} now"));
    }
    if set(&changed.rules).is_some_and(|rules| *rules != before.rules) {
        words.push("The rules were changed".to_owned());
    }
    let became = |field: Option<bool>, before: bool, yes: &str, no: &str| match field {
        Some(now) if now != before => Some(if now { yes } else { no }.to_owned()),
        _ => None,
    };
    let is_set = |field: &ActiveValue<Option<i64>>| set(field).map(Option::is_some);
    words.extend(became(set(&changed.disabled).copied(), before.disabled, "The link was switched off", "The link was switched on"));
    let archived = is_set(&changed.archived_at);
    words.extend(became(archived, before.archived_at.is_some(), "The link was archived", "The link was taken out of the archive"));
    let deleted = is_set(&changed.deleted_at);
    words.extend(became(deleted, before.deleted_at.is_some(), "The link was deleted", "The link was restored"));
    words
}

fn set<T: Into<sea_orm::Value>>(field: &ActiveValue<T>) -> Option<&T> {
    match field {
        ActiveValue::Set(value) => Some(value),
        ActiveValue::Unchanged(_) | ActiveValue::NotSet => None,
    }
}
