//! Who asks. Made from a credential before a request runs; resolvers take the workspace from
//! here and never from an argument.

use domain::{ApiKeyId, ApiScope, Millis, Role, SessionId, UserId, WorkspaceId};

/// The one on whose behalf a request runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    Session(Session),
    Key(Key),
}

impl Caller {
    /// Whose rows are asked for.
    pub fn workspace(&self) -> Option<WorkspaceId> {
        match self {
            Self::Anonymous => None,
            Self::Session(session) => Some(session.workspace),
            Self::Key(key) => Some(key.workspace),
        }
    }
}

/// A program with an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: ApiKeyId,
    pub workspace: WorkspaceId,
    pub scopes: Vec<ApiScope>,
    pub expires_at: Option<Millis>,
}

/// A signed-in user in one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub workspace: WorkspaceId,
    pub role: Role,
    /// The session's version when the access token was made.
    pub version: i32,
    /// When the access token ends.
    pub expires_at: Millis,
}
