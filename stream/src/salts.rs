//! Salts of days over NATS, for redirectors with strict capture: in answers only, so that no broker keeps
//! one beyond its time, and sealed under the installation's key, for the workspace and the day.
//!
//! Bytes: as in [`crate::questions`], golden in the tests.

use bytes::Bytes;
use domain::{DaySalt, Millis, SaltOfDay, WorkspaceId};
use platform::{Rng, SealKey};
use prost::Message;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::questions::{Topic, decode, encode};
use crate::snapshot::broker;
use crate::{NatsClient, StreamError};

const TOPIC: Topic = Topic {
    subject: "salts.v1",
    queue: "worker",
    nobody: "no worker with LINKLOGGER_SEAL_KEY is there to give salts",
    unheard: "salts cannot be given to redirectors with strict capture",
};

#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(bytes = "vec", tag = "1")]
    workspace: Vec<u8>,
    /// Unix milliseconds.
    #[prost(int64, tag = "2")]
    at: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Answer {
    /// Whether the question was understood and the database answered.
    #[prost(bool, tag = "1")]
    done: bool,
    /// Empty where there is none to be had.
    #[prost(string, tag = "2")]
    sealed: String,
    /// The day's ends, Unix milliseconds.
    #[prost(int64, tag = "3")]
    from: i64,
    #[prost(int64, tag = "4")]
    until: i64,
}

/// What a salt is sealed for.
fn purpose(workspace: WorkspaceId, from: i64) -> String {
    format!("salt {workspace} {from}")
}

/// Asks for salts; clones share the connection.
#[derive(Clone, Debug)]
pub struct SaltClient {
    nats: NatsClient,
    key: SealKey,
}

impl SaltClient {
    pub fn new(nats: NatsClient, key: SealKey) -> Self {
        Self { nats, key }
    }

    /// The salt of the workspace's local day that `at` is in; `None` where there is none to be had.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when no worker answers within a second, or has another key.
    pub async fn salt(&self, workspace: WorkspaceId, at: Millis) -> Result<Option<SaltOfDay>, StreamError> {
        let question = Question { workspace: workspace.0.as_bytes().to_vec(), at: at.0 };
        let answer = TOPIC.ask(&self.nats, encode(&question)).await?;
        let answer: Answer = decode(&answer).filter(|answer: &Answer| answer.done).ok_or_else(|| broker(&"no salt can be given now"))?;
        if answer.sealed.is_empty() {
            return Ok(None);
        }
        let opened = self.key.open(&purpose(workspace, answer.from), &answer.sealed).ok().and_then(|bytes| bytes.try_into().ok());
        let salt = opened.ok_or_else(|| broker(&"a salt cannot be opened; give all processes the same LINKLOGGER_SEAL_KEY"))?;
        Ok(Some(SaltOfDay { salt: DaySalt(salt), from: Millis(answer.from), until: Millis(answer.until) }))
    }
}

/// Answers questions until the stop; an error of `salt` says that it cannot be told now.
pub async fn serve_salts<A, E>(
    nats: NatsClient,
    key: SealKey,
    rng: Rng,
    salt: impl Fn(WorkspaceId, Millis) -> A,
    stopping: CancellationToken,
) where
    A: Future<Output = Result<Option<SaltOfDay>, E>>,
{
    let answer = |bytes: Bytes| {
        let asked = read(&bytes).map(|(workspace, at)| (workspace, salt(workspace, at)));
        let (key, rng) = (&key, &rng);
        async move {
            let answer = match asked {
                Some((workspace, salt)) => salt.await.ok().and_then(|salt| sealed(workspace, salt, key, rng)),
                None => None,
            };
            encode(&answer.unwrap_or_default())
        }
    };
    TOPIC.serve(nats, answer, stopping).await;
}

fn read(bytes: &[u8]) -> Option<(WorkspaceId, Millis)> {
    let question: Question = decode(bytes)?;
    Some((WorkspaceId(Uuid::from_slice(&question.workspace).ok()?), Millis(question.at)))
}

/// `None` where it cannot be sealed.
fn sealed(workspace: WorkspaceId, salt: Option<SaltOfDay>, key: &SealKey, rng: &Rng) -> Option<Answer> {
    let Some(SaltOfDay { salt, from: Millis(from), until: Millis(until) }) = salt else {
        return Some(Answer { done: true, ..Answer::default() });
    };
    Some(Answer { done: true, sealed: key.seal(&purpose(workspace, from), &salt.0, rng).ok()?, from, until })
}

#[cfg(test)]
mod tests {
    use platform::Rng;
    use proptest::prelude::{any, proptest};

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn golden_bytes() {
        let workspace = WorkspaceId(Uuid::from_u128(3));
        let question = encode(&Question { workspace: workspace.0.as_bytes().to_vec(), at: 300 });
        assert_eq!(hex(&question), "010a100000000000000000000000000000000310ac02");
        assert_eq!(read(&question), Some((workspace, Millis(300))));
        let answer = Answer { done: true, sealed: "x".into(), from: 1, until: 300 };
        assert_eq!(hex(&encode(&answer)), "01080112017818 0120ac02".replace(' ', ""));
    }

    #[test]
    fn a_salt_is_opened_for_its_workspace_and_day_alone() {
        let (key, rng, workspace) = (SealKey::generate(&Rng::seeded(1)), Rng::seeded(2), WorkspaceId(Uuid::from_u128(3)));
        let salt = SaltOfDay { salt: DaySalt([7; 32]), from: Millis(1), until: Millis(2) };
        let answer = sealed(workspace, Some(salt), &key, &rng).unwrap();
        assert!(encode(&answer).len() < 250, "an answer fits its bound");
        assert_eq!(key.open(&purpose(workspace, 1), &answer.sealed).unwrap(), [7; 32]);
        for other in [purpose(workspace, 2), purpose(WorkspaceId(Uuid::from_u128(4)), 1)] {
            assert!(key.open(&other, &answer.sealed).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (read(&bytes), decode::<Answer>(&bytes));
            bytes.insert(0, 1);
            let _ = (read(&bytes), decode::<Answer>(&bytes));
        }
    }
}
