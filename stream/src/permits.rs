//! Permits over NATS, for redirectors without a database: one question, one answer by whichever api
//! is first in the queue. Questions may come twice or late and answers may get lost: a block's id makes
//! that harmless.
//!
//! Bytes: a version byte, then protobuf. Golden in the tests.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Message as NatsMessage, Request};
use bytes::Bytes;
use domain::{LeaseId, LinkId, PermitLease, Wanted, WorkspaceId};
use futures_util::StreamExt as _;
use platform::Throttle;
use prost::Message;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::snapshot::broker;
use crate::{NatsClient, StreamError};

const SUBJECT: &str = "permits.v1";
/// Of several apis one answers.
const QUEUE: &str = "api";
const VERSION: u8 = 1;
/// A visitor waits for the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// No question of this version is longer.
const LONGEST: usize = 256;
/// Questions answered at once.
const AT_ONCE: usize = 32;
const RETRY: Duration = Duration::from_millis(500);

/// What a redirector asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitQuestion {
    Lease(PermitLease, Wanted),
    /// So many of the block were not used.
    GiveBack(PermitLease, u32),
}

#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(bytes = "vec", tag = "1")]
    lease: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    link: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    workspace: Vec<u8>,
    #[prost(uint32, tag = "4")]
    at_least: u32,
    /// 0 gives back.
    #[prost(uint32, tag = "5")]
    at_most: u32,
    #[prost(uint32, tag = "6")]
    unused: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Answer {
    /// Whether the question was understood and the database answered.
    #[prost(bool, tag = "1")]
    done: bool,
    #[prost(uint32, tag = "2")]
    permits: u32,
}

/// Asks for permits; clones share the connection.
#[derive(Clone, Debug)]
pub struct PermitClient(NatsClient);

impl PermitClient {
    pub fn new(nats: NatsClient) -> Self {
        Self(nats)
    }

    /// The permits of the block; 0 when the limit is reached, and for what is given back.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when no api answers within a second. The question may have been
    /// acted on all the same; asking it again is safe.
    pub async fn ask(&self, question: PermitQuestion) -> Result<u32, StreamError> {
        // A question would wait in the client for the connection.
        if !self.0.is_connected() {
            return Err(broker(&"not connected"));
        }
        let request = Request::new().payload(encode_question(question)).timeout(Some(PATIENCE));
        let answer = self.0.client.send_request(SUBJECT, request).await.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => broker(&"no api is there to give permits"),
            _ => broker(&error),
        })?;
        decode_answer(&answer.payload).ok_or_else(|| broker(&"the api cannot give permits now"))
    }
}

/// Answers questions until the stop; an error of `answer` says that it cannot be told now.
pub async fn serve_permits<A, E>(nats: NatsClient, answer: impl Fn(PermitQuestion) -> A, stopping: CancellationToken)
where
    A: Future<Output = Result<u32, E>>,
{
    let outages = Throttle::default();
    while !stopping.is_cancelled() {
        match nats.client.queue_subscribe(SUBJECT, QUEUE.to_owned()).await {
            Ok(questions) => {
                let questions = questions.take_until(stopping.cancelled());
                questions.for_each_concurrent(AT_ONCE, |message| reply(&nats, &answer, message)).await;
            }
            Err(error) if outages.may_tell() => {
                tracing::warn!(%error, "permits cannot be given to redirectors without a database; trying again");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = stopping.cancelled() => {}
        }
    }
}

async fn reply<A, E>(nats: &NatsClient, answer: &impl Fn(PermitQuestion) -> A, message: NatsMessage)
where
    A: Future<Output = Result<u32, E>>,
{
    let Some(inbox) = message.reply else { return };
    let permits = match decode_question(&message.payload) {
        Some(question) => answer(question).await.ok(),
        None => None,
    };
    // Whoever asked asks again when this gets lost.
    let _ = nats.client.publish(inbox, encode_answer(permits)).await;
}

fn encode_question(question: PermitQuestion) -> Bytes {
    let of = |lease: PermitLease| Question {
        lease: lease.id.0.as_bytes().to_vec(),
        link: lease.link.0.as_bytes().to_vec(),
        workspace: lease.workspace.0.as_bytes().to_vec(),
        ..Question::default()
    };
    encode(&match question {
        PermitQuestion::Lease(lease, wanted) => Question { at_least: wanted.at_least, at_most: wanted.at_most.max(1), ..of(lease) },
        PermitQuestion::GiveBack(lease, unused) => Question { unused, ..of(lease) },
    })
}

/// `None` for what is no question, or one of a later version.
fn decode_question(bytes: &[u8]) -> Option<PermitQuestion> {
    let question = Question::decode(fields(bytes)?).ok()?;
    let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).ok();
    let lease = PermitLease {
        id: LeaseId(uuid(&question.lease)?),
        link: LinkId(uuid(&question.link)?),
        workspace: WorkspaceId(uuid(&question.workspace)?),
    };
    Some(match question.at_most {
        0 => PermitQuestion::GiveBack(lease, question.unused),
        at_most => PermitQuestion::Lease(lease, Wanted { at_least: question.at_least, at_most }),
    })
}

fn encode_answer(permits: Option<u32>) -> Bytes {
    encode(&Answer { done: permits.is_some(), permits: permits.unwrap_or_default() })
}

fn decode_answer(bytes: &[u8]) -> Option<u32> {
    let answer = Answer::decode(fields(bytes)?).ok()?;
    answer.done.then_some(answer.permits)
}

fn encode(message: &impl Message) -> Bytes {
    let mut bytes = vec![VERSION];
    // A Vec grows as needed, so there is no error to have.
    let _ = message.encode(&mut bytes);
    bytes.into()
}

fn fields(bytes: &[u8]) -> Option<&[u8]> {
    bytes.split_first().filter(|(version, fields)| **version == VERSION && fields.len() < LONGEST).map(|(_, fields)| fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lease() -> PermitLease {
        PermitLease { id: LeaseId(Uuid::from_u128(1)), link: LinkId(Uuid::from_u128(2)), workspace: WorkspaceId(Uuid::from_u128(3)) }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn golden_bytes() {
        let ids = "010a10000000000000000000000000000000011210000000000000000000000000000000021a1000000000000000000000000000000003";
        for (question, bytes) in [
            (PermitQuestion::Lease(lease(), Wanted { at_least: 1, at_most: 64 }), "20012840"),
            (PermitQuestion::GiveBack(lease(), 7), "3007"),
            (PermitQuestion::GiveBack(lease(), 0), ""),
        ] {
            assert_eq!(hex(&encode_question(question)), format!("{ids}{bytes}"));
            assert_eq!(decode_question(&encode_question(question)), Some(question));
        }
        assert_eq!(
            [hex(&encode_answer(Some(300))), hex(&encode_answer(Some(0))), hex(&encode_answer(None))],
            ["01080110ac02", "010801", "01"]
        );
        assert_eq!([decode_answer(&encode_answer(Some(300))), decode_answer(&encode_answer(None))], [Some(300), None]);
    }

    #[test]
    fn a_later_version_and_what_is_too_long_are_refused() {
        let mut bytes = encode_question(PermitQuestion::GiveBack(lease(), 7)).to_vec();
        bytes[0] = 2;
        assert_eq!((decode_question(&bytes), decode_answer(&[2, 8, 1])), (None, None));
        bytes[0] = VERSION;
        bytes.extend([0xf2, 0x03, 0xff, 0x01]);
        bytes.extend([0; 255]);
        assert_eq!(decode_question(&bytes), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (decode_question(&bytes), decode_answer(&bytes));
            bytes.insert(0, VERSION);
            let _ = (decode_question(&bytes), decode_answer(&bytes));
        }
    }
}
