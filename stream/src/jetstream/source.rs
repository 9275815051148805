//! The worker's side of JetStream: one durable pull consumer for each shard, made again whenever
//! it is gone.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use domain::Shard;
use futures_util::{FutureExt as _, StreamExt as _};
use platform::{Backoff, Throttle};

use super::{NatsClient, STREAM, SUBJECT, StreamError};
use crate::source::Receipt;
use crate::{ClickSource, Delivery, Frame, FrameError, FrameId, Lane};

/// How long the broker waits for an ack before it delivers again.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// Frames asked for at once.
const PULL: usize = 32;
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Reads the stream CLICKS, a lane for each shard.
#[derive(Clone, Debug)]
pub struct JetStreamSource {
    nats: NatsClient,
    /// All lanes fail together.
    outages: Throttle,
}

impl JetStreamSource {
    pub fn new(nats: NatsClient) -> Self {
        Self { nats, outages: Throttle::default() }
    }
}

impl ClickSource for JetStreamSource {
    fn lanes(&self) -> Vec<Box<dyn Lane>> {
        let lane = |shard| JetStreamLane {
            nats: self.nats.clone(),
            outages: self.outages.clone(),
            shard,
            messages: None,
            backoff: backoff(),
            held: Vec::new(),
        };
        Shard::all().map(|shard| Box::new(lane(shard)) as _).collect()
    }
}

fn backoff() -> Backoff {
    Backoff::new(BACKOFF_MIN, BACKOFF_MAX)
}

struct JetStreamLane {
    nats: NatsClient,
    outages: Throttle,
    shard: Shard,
    messages: Option<pull::Stream>,
    /// Of attempts to make the consumer.
    backoff: Backoff,
    /// Received and not handed over: kept here, so that a wait that is given up loses nothing.
    held: Vec<Delivery>,
}

impl JetStreamLane {
    async fn consume(&self) -> Result<pull::Stream, StreamError> {
        let broker = |error: &dyn std::fmt::Display| StreamError::Broker(error.to_string());
        self.nats.ensure_stream().await?;
        let name = format!("worker-{}", self.shard.index());
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: format!("{SUBJECT}.{}", self.shard.index()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: -1,
            ..pull::Config::default()
        };
        let stream = self.nats.jetstream.get_stream(STREAM).await.map_err(|error| broker(&error))?;
        let consumer = stream.get_or_create_consumer(&name, config).await.map_err(|error| broker(&error))?;
        consumer
            .stream()
            .max_messages_per_batch(PULL)
            .expires(Duration::from_secs(5))
            .heartbeat(Duration::from_secs(2))
            .messages()
            .await
            .map_err(|error| broker(&error))
    }

    /// Takes a message, or notes that the consumer must be made again.
    fn hold(&mut self, message: Result<Message, impl std::fmt::Display>) {
        match message {
            Ok(message) => self.held.extend(delivery(self.shard, message)),
            Err(error) => {
                self.failed(&error, "the consumer is made again");
                self.messages = None;
            }
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display, what: &str) {
        if self.outages.may_tell() {
            tracing::warn!(shard = self.shard.index(), %error, "{what}");
        }
    }

    fn has(&self, max_clicks: usize) -> bool {
        self.held.iter().map(|delivery| delivery.frame.records.len()).sum::<usize>() >= max_clicks
    }
}

#[async_trait]
impl Lane for JetStreamLane {
    async fn next(&mut self, max_clicks: usize) -> Result<Vec<Delivery>, StreamError> {
        while self.held.is_empty() {
            match &mut self.messages {
                None => match self.consume().await {
                    Ok(messages) => {
                        self.messages = Some(messages);
                        self.backoff = backoff();
                    }
                    Err(error) => {
                        self.failed(&error, "clicks cannot be read from the broker; trying again");
                        self.backoff.pause(&self.nats.rng).await;
                    }
                },
                Some(messages) => match messages.next().await {
                    Some(message) => self.hold(message),
                    None => self.messages = None,
                },
            }
        }
        while !self.has(max_clicks) {
            // Only what is there already.
            let Some(Some(message)) = self.messages.as_mut().and_then(|messages| messages.next().now_or_never()) else { break };
            self.hold(message);
        }
        Ok(std::mem::take(&mut self.held))
    }
}

/// A frame of a version that is not known stays un-acked and comes again, until a program comes
/// that knows it. A malformed one is handed on as one record that no decoder takes, so that it
/// ends where such records end: set aside with its bytes.
fn delivery(shard: Shard, message: Message) -> Option<Delivery> {
    let id = message.headers.as_ref().and_then(|headers| headers.get(async_nats::header::NATS_MESSAGE_ID)).map(|id| id.as_str().to_owned());
    let id = FrameId::from_text(id.unwrap_or_else(|| format!("crc-{:08x}", crc32c::crc32c(&message.payload))));
    let frame = match Frame::decode(id.clone(), &message.payload) {
        Ok(frame) => frame,
        Err(FrameError::UnknownVersion(version)) => {
            tracing::error!(version, "a frame was written by a newer program: it waits for a newer worker");
            return None;
        }
        Err(FrameError::Malformed) => Frame { id, shard, records: vec![message.payload.clone()], losses: Vec::new() },
    };
    Some(Delivery::new(frame, JetStreamReceipt(message)))
}

struct JetStreamReceipt(Message);

#[async_trait]
impl Receipt for JetStreamReceipt {
    async fn ack(self: Box<Self>) -> Result<(), StreamError> {
        self.0.ack().await.map_err(|error| StreamError::Broker(error.to_string()))
    }

    async fn extend(&self) -> Result<(), StreamError> {
        self.0.ack_with(AckKind::Progress).await.map_err(|error| StreamError::Broker(error.to_string()))
    }
}
