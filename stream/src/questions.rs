//! Questions over NATS: one is asked, one answer given by whichever process is first in the queue. Nothing
//! of it touches the broker's disk. Questions may come twice or late, and answers may get lost.
//!
//! Bytes: a version byte, then protobuf.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Message as NatsMessage, Request};
use bytes::Bytes;
use futures_util::StreamExt as _;
use platform::Throttle;
use prost::Message;
use tokio_util::sync::CancellationToken;

use crate::snapshot::broker;
use crate::{NatsClient, StreamError};

const VERSION: u8 = 1;
/// Whoever asks does not wait longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// No question or answer of this version is longer.
const LONGEST: usize = 256;
/// Questions answered at once.
const AT_ONCE: usize = 32;
const RETRY: Duration = Duration::from_millis(500);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topic {
    pub subject: &'static str,
    /// Of several processes one answers.
    pub queue: &'static str,
    /// Said where none of them is there.
    pub nobody: &'static str,
    /// Said where questions cannot be taken.
    pub unheard: &'static str,
}

impl Topic {
    /// # Errors
    /// [`StreamError::Broker`] when nobody answers within a second. The question may have been acted on.
    pub async fn ask(&self, nats: &NatsClient, question: Bytes) -> Result<Bytes, StreamError> {
        // A question would wait in the client for the connection.
        if !nats.is_connected() {
            return Err(broker(&"not connected"));
        }
        let request = Request::new().payload(question).timeout(Some(PATIENCE));
        let answer = nats.client.send_request(self.subject, request).await.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => broker(&self.nobody),
            _ => broker(&error),
        })?;
        Ok(answer.payload)
    }

    /// Answers until the stop.
    pub async fn serve<A>(&self, nats: NatsClient, answer: impl Fn(Bytes) -> A, stopping: CancellationToken)
    where
        A: Future<Output = Bytes>,
    {
        let complaints = Throttle::default();
        while !stopping.is_cancelled() {
            match nats.client.queue_subscribe(self.subject, self.queue.to_owned()).await {
                Ok(questions) => {
                    let questions = questions.take_until(stopping.cancelled());
                    questions.for_each_concurrent(AT_ONCE, |message| reply(&nats, &answer, message)).await;
                }
                Err(error) if complaints.may_tell() => tracing::warn!(%error, "{}; trying again", self.unheard),
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = stopping.cancelled() => {}
            }
        }
    }
}

async fn reply<A: Future<Output = Bytes>>(nats: &NatsClient, answer: &impl Fn(Bytes) -> A, message: NatsMessage) {
    if let Some(inbox) = message.reply {
        // Whoever asked asks again when this gets lost.
        let _ = nats.client.publish(inbox, answer(message.payload).await).await;
    }
}

pub(crate) fn encode(message: &impl Message) -> Bytes {
    let mut bytes = vec![VERSION];
    // A Vec grows as needed, so there is no error to have.
    let _ = message.encode(&mut bytes);
    bytes.into()
}

/// `None` for what is nothing of the kind, or of a later version.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Option<M> {
    let (version, fields) = bytes.split_first()?;
    (*version == VERSION && fields.len() < LONGEST).then(|| M::decode(fields).ok())?
}
