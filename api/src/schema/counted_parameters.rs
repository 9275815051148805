//! The query parameters that a workspace has counted.

use async_graphql::SimpleObject;
use domain::{AuditEntry, Invalid, Issue, IssueCode, check_counted_parameters};
use serde_json::json;
use store::{ParameterCounted, StoreError, WorkspaceScope};

use super::context::{Services, audit_entry};
use super::error::ApiError;
use super::scalars::DateTime;
use crate::caller::Session;

/// A query parameter of short URLs whose values are counted.
#[derive(Clone, Debug, SimpleObject)]
pub struct CountedParameter {
    /// Its name, as clicks have it, case included.
    pub key: String,
    /// From when on, the beginning of a day of the workspace's zone. What is before is told from clicks.
    pub since: DateTime,
}

impl From<ParameterCounted> for CountedParameter {
    fn from(counted: ParameterCounted) -> Self {
        Self { key: counted.key, since: DateTime(counted.since) }
    }
}

/// `asked` are the parameters to be counted instead of those before; where none are asked for, those that clicks do
/// not keep any more, or that are recipients' from now on, are left out.
pub(super) async fn set_counted(
    services: &Services,
    session: &Session,
    scope: &WorkspaceScope,
    (counted, asked): (Vec<ParameterCounted>, Option<Vec<String>>),
) -> Result<(), ApiError> {
    if counted.is_empty() && asked.is_none() {
        return Ok(());
    }
    let (privacy, recipients) = (scope.privacy().await?, scope.recipient_parameter().await?);
    let before: Vec<String> = counted.into_iter().map(|counted| counted.key).collect();
    let after = match asked {
        Some(names) => check_counted_parameters(names, &privacy, recipients.as_ref())?,
        None => before.iter().filter(|name| privacy.may_count(name, recipients.as_ref())).cloned().collect(),
    };
    let is_same = before.len() == after.len() && after.iter().all(|name| before.contains(name));
    if is_same {
        return Ok(());
    }
    scope.set_counted_parameters(&after, services.clock.now()).await.map_err(too_often)?;
    let details = json!({ "from": before, "to": after });
    scope.tell(&audit_entry(services, session.user, AuditEntry::COUNTED_PARAMETERS_CHANGED, details)).await?;
    Ok(())
}

fn too_often(error: StoreError) -> ApiError {
    match error {
        StoreError::TooMany => {
            let message = "The counted parameters were changed too often. Leave them for as long as clicks of the earlier ones are kept.";
            Invalid::from(Issue::new("countedParameters", IssueCode::NotAllowed, message)).into()
        }
        other => other.into(),
    }
}
