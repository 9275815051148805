//! The redirector's sources of API keys and workspaces' decisions: the store, or the snapshot in NATS.

use async_trait::async_trait;
use domain::{ApiKeyId, ApiKeyState, Millis, WorkspaceId, WorkspacePolicy};
use redirector::{LinkSourceDown, PolicySource};
use store::Store;
use stream::LinkSnapshot;

fn down(error: &dyn std::fmt::Display) -> LinkSourceDown {
    LinkSourceDown(error.to_string())
}

/// Straight from the database.
#[derive(Clone, Debug)]
pub(crate) struct StoredPolicies(pub Store);

#[async_trait]
impl PolicySource for StoredPolicies {
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, LinkSourceDown> {
        self.0.api_key(id).await.map_err(|error| down(&error))
    }

    async fn workspace_policy(&self, id: WorkspaceId) -> Result<WorkspacePolicy, LinkSourceDown> {
        self.0.workspace_policy(id).await.map_err(|error| down(&error))
    }

    async fn key_used(&self, id: ApiKeyId, at: Millis) {
        if let Err(error) = self.0.touch_api_key(id, at).await {
            tracing::debug!(%error, "the use of a key cannot be noted");
        }
    }
}

/// From the snapshot, without a database; there the use of a key cannot be noted.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotPolicies(pub LinkSnapshot);

#[async_trait]
impl PolicySource for SnapshotPolicies {
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, LinkSourceDown> {
        self.0.api_key(id).await.map_err(|error| down(&error))
    }

    async fn workspace_policy(&self, id: WorkspaceId) -> Result<WorkspacePolicy, LinkSourceDown> {
        let policy = self.0.workspace_policy(id).await.map_err(|error| down(&error))?;
        Ok(policy.unwrap_or_else(|| WorkspacePolicy::undecided(id)))
    }

    async fn key_used(&self, _: ApiKeyId, _: Millis) {}
}
