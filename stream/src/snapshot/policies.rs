//! API keys and what workspaces decide, beside the links: `k.<key id>` and `w.<workspace id>`, each
//! with a version that never falls. Secrets in them are sealed where they come from.

use domain::{ApiKeyId, ApiKeyState, WorkspaceId, WorkspacePolicy};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::filling::POLICIES;
use super::value::{NewerForm, written};
use super::{LinkSnapshot, broker};
use crate::{LinkEvent, StreamError};

/// The form of values. Raised only where an older program must not use one at all.
const FORM: u8 = 1;
const KEY: &str = "k.";
const WORKSPACE: &str = "w.";
/// Keys of the bucket that hold policies, as subjects' wildcards.
pub(super) const SUBJECTS: [&str; 2] = ["k.>", "w.>"];

trait Versioned: Serialize + DeserializeOwned + PartialEq {
    fn version(&self) -> i32;
}

impl Versioned for ApiKeyState {
    fn version(&self) -> i32 {
        self.version
    }
}

impl Versioned for WorkspacePolicy {
    fn version(&self) -> i32 {
        self.version
    }
}

impl LinkSnapshot {
    /// What became of a key; `None` where there never was one.
    ///
    /// # Errors
    /// As [`LinkSnapshot::get`].
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, StreamError> {
        self.policy(&format!("{KEY}{id}")).await
    }

    /// What a workspace decides for its redirects; `None` where it never decided anything.
    ///
    /// # Errors
    /// As [`LinkSnapshot::get`].
    pub async fn workspace_policy(&self, id: WorkspaceId) -> Result<Option<WorkspacePolicy>, StreamError> {
        self.policy(&format!("{WORKSPACE}{id}")).await
    }

    /// Writes what became of a key, unless as much or more is known, or what a newer program wrote. True
    /// when it was written.
    ///
    /// # Errors
    /// As [`LinkSnapshot::put_if_newer`].
    pub async fn put_api_key(&self, state: &ApiKeyState) -> Result<bool, StreamError> {
        self.put_policy(&format!("{KEY}{}", state.id), state).await
    }

    /// Writes what a workspace decides, unless as much or more is known, or what a newer program wrote.
    /// True when it was written.
    ///
    /// # Errors
    /// As [`LinkSnapshot::put_if_newer`].
    pub async fn put_workspace_policy(&self, policy: &WorkspacePolicy) -> Result<bool, StreamError> {
        self.put_policy(&format!("{WORKSPACE}{}", policy.id), policy).await
    }

    async fn policy<T: Versioned>(&self, key: &str) -> Result<Option<T>, StreamError> {
        match self.entry(key).await? {
            Some(entry) => read(&entry.value)?.map(Some).ok_or_else(|| broker(&"a policy's value cannot be read")),
            None if self.is_filled_with(POLICIES).await? => Ok(None),
            None => Err(StreamError::NotFilled),
        }
    }

    async fn put_policy<T: Versioned>(&self, key: &str, value: &T) -> Result<bool, StreamError> {
        let bytes = written(FORM, value)?;
        self.write_over(key, bytes, |stored| {
            let stored = read::<T>(stored)?;
            Ok(stored.is_none_or(|stored| value.version() > stored.version() || (value.version() == stored.version() && *value != stored)))
        })
        .await
    }
}

/// What a changed key of the bucket is about, if it is a policy's.
pub(super) fn event(key: &str) -> Option<LinkEvent> {
    let id = key.strip_prefix(KEY).map(|id| id.parse().map(|id| LinkEvent::Key { id }));
    let workspace = || key.strip_prefix(WORKSPACE).map(|id| id.parse().map(|id| LinkEvent::Workspace { id }));
    id.or_else(workspace).map(|event| event.unwrap_or(LinkEvent::Unsure))
}

/// `None` for what is no value at all.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<T>, NewerForm> {
    match bytes.split_first() {
        Some((&FORM, json)) => Ok(serde_json::from_slice(json).ok()),
        Some((&form, _)) => Err(NewerForm { what: "a policy", form }),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use domain::Millis;

    use super::*;

    const GOLDEN: &str = r#"{"id":"00000000-0001-7000-8000-000000000000","version":1,"right":{"workspace":"00000000-0002-7000-8000-000000000000","hash":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,7],"scopes":["clicks:write"],"expires_at":null,"networks":["203.0.113.0/24"]},"later":true}"#;

    #[test]
    fn values_of_the_first_form_are_read_and_unknown_fields_ignored() {
        let value = [&[1], GOLDEN.as_bytes()].concat();
        let state: ApiKeyState = read(&value).unwrap().unwrap();
        assert_eq!(state.right.as_ref().unwrap().hash.0[31], 7);
        assert_eq!(read(&written(FORM, &state).unwrap()).unwrap(), Some(state));
        assert!(read::<ApiKeyState>(&[2, b'{']).is_err());
        assert!(read::<ApiKeyState>(&[1, b'{']).unwrap().is_none() && read::<ApiKeyState>(&[]).unwrap().is_none());
    }

    #[test]
    fn events_follow_from_keys() {
        let (key, workspace) = (ApiKeyId::new(Millis(1), [1; 10]), WorkspaceId::new(Millis(1), [2; 10]));
        assert_eq!(event(&format!("k.{key}")), Some(LinkEvent::Key { id: key }));
        assert_eq!(event(&format!("w.{workspace}")), Some(LinkEvent::Workspace { id: workspace }));
        assert_eq!(event("w.unreadable"), Some(LinkEvent::Unsure));
        assert_eq!(event("l.00"), None);
    }
}
