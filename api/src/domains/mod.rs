//! The proof that a host is a workspace's: a TXT record beside it that only who runs its DNS can
//! make. `resolver` asks DNS, `recheck` looks again each day.

mod recheck;
mod resolver;

use std::sync::Arc;
use std::time::Duration;

use domain::{HostName, WorkspaceId};
use sha2::{Digest, Sha256};
use store::Proof;
use tokio::sync::Semaphore;

pub use recheck::DomainChecks;
pub(crate) use recheck::next_check;
pub use resolver::{DnsDown, DnsResolver, ResolverSetupError, TxtResolver};

/// Questions under way at once, of people and of the daily look together.
const AT_ONCE: usize = 16;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is shown of the values that were found instead.
const SHOWN_VALUES: usize = 3;
const SHOWN_CHARACTERS: usize = 100;

/// Looks for proofs. Clones share the resolver.
#[derive(Clone, Debug)]
pub struct Proofs {
    resolver: Arc<dyn TxtResolver>,
    room: Arc<Semaphore>,
}

/// Where the proof of a host stands.
pub(crate) fn record_name(host: &HostName) -> String {
    format!("_linklogger.{host}")
}

/// What the proof says: another one for each workspace, host and time it is added.
pub(crate) fn record_value(workspace: WorkspaceId, host: &HostName, token: &str) -> String {
    let digest = Sha256::new().chain_update(workspace.0).chain_update(token).chain_update([0]).chain_update(host.as_str()).finalize();
    digest[..16].iter().fold("linklogger-verification=".to_owned(), |value, byte| format!("{value}{byte:02x}"))
}

impl Proofs {
    pub fn new(resolver: Arc<dyn TxtResolver>) -> Self {
        Self { resolver, room: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Looks for the proof of a host.
    ///
    /// # Errors
    /// [`DnsDown`] when DNS does not say whether it is there.
    pub async fn look(&self, workspace: WorkspaceId, host: &HostName, token: &str) -> Result<Proof, DnsDown> {
        let (name, value) = (record_name(host), record_value(workspace, host, token));
        let Ok(Ok(_room)) = tokio::time::timeout(PATIENCE, self.room.acquire()).await else {
            return Err(DnsDown("too many looks are under way".into()));
        };
        let found = self.resolver.txt(&name).await?;
        Ok(if found.iter().any(|found| found.trim() == value) { Proof::Found } else { Proof::Missing(problem(&name, &value, &found)) })
    }
}

/// What was found and what is missing, in words.
fn problem(name: &str, value: &str, found: &[String]) -> String {
    if found.is_empty() {
        return format!("There is no TXT record at {name}. Create it with the value {value}; DNS may take a while to show it everywhere.");
    }
    let shown: Vec<String> = found.iter().take(SHOWN_VALUES).map(|found| format!("\"{}\"", shown(found))).collect();
    let more = if found.len() > SHOWN_VALUES { " and others" } else { "" };
    format!(
        "The TXT record at {name} is {}{more}, and none is {value}. Add that value; DNS may take a while to show it everywhere.",
        shown.join(", ")
    )
}

fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(SHOWN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_one_workspace_host_and_token() {
        let (ours, theirs) = (WorkspaceId(uuid::Uuid::max()), WorkspaceId(uuid::Uuid::nil()));
        let host = |text: &str| HostName::from_store(text.into());
        let value = record_value(ours, &host("a.example"), "t");
        assert_eq!((value.len(), &value), (24 + 32, &record_value(ours, &host("a.example"), "t")));
        for other in [
            record_value(theirs, &host("a.example"), "t"),
            record_value(ours, &host("b.example"), "t"),
            record_value(ours, &host("a.example"), "u"),
        ] {
            assert_ne!(value, other);
        }
    }

    #[test]
    fn a_problem_shows_little_of_what_strangers_wrote() {
        let found: Vec<String> = (0..50).map(|_| "x\u{7}".repeat(300)).collect();
        let text = problem("_linklogger.a.example", "v", &found);
        assert!(text.len() < 600 && !text.contains('\u{7}') && text.contains(" and others"), "{text}");
    }
}
