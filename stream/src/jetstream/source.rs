//! The worker's side of JetStream: one durable pull consumer for each shard, made again whenever
//! it is gone.

use std::time::Duration;

use async_nats::header::{NATS_MESSAGE_ID, NATS_PIN_ID};
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use domain::Shard;
use futures_util::{FutureExt as _, StreamExt as _};
use platform::{Backoff, Throttle};

use super::consumer::{Consumers, frames, release};
use super::{NatsClient, STREAM, StreamError};
use crate::source::Receipt;
use crate::{ClickSource, Delivery, Frame, FrameError, FrameId, Lane};

const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A stop waits no longer for a pin to be given up.
const LEAVE: Duration = Duration::from_millis(500);

/// Reads the stream CLICKS, a lane for each shard.
#[derive(Clone, Debug)]
pub struct JetStreamSource {
    nats: NatsClient,
    consumers: Consumers,
    throttles: Throttles,
}

/// All lanes fail together.
#[derive(Clone, Debug, Default)]
struct Throttles {
    outages: Throttle,
    /// Frames of a newer program: each comes again and again.
    newer: Throttle,
}

impl JetStreamSource {
    pub fn new(nats: NatsClient) -> Self {
        Self { nats, consumers: Consumers::default(), throttles: Throttles::default() }
    }
}

impl ClickSource for JetStreamSource {
    fn lanes(&self) -> Vec<Box<dyn Lane>> {
        let lane = |shard| JetStreamLane {
            nats: self.nats.clone(),
            consumers: self.consumers.clone(),
            throttles: self.throttles.clone(),
            shard,
            messages: None,
            pin: None,
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
    consumers: Consumers,
    throttles: Throttles,
    shard: Shard,
    messages: Option<pull::Stream>,
    /// By what the broker knows that this lane alone is given frames, with the last one it was given.
    pin: Option<String>,
    /// Of attempts to make the consumer.
    backoff: Backoff,
    /// Received and not handed over: kept here, so that a wait that is given up loses nothing.
    held: Vec<Delivery>,
}

impl JetStreamLane {
    async fn consume(&mut self) -> Result<pull::Stream, StreamError> {
        self.nats.ensure_stream().await?;
        let stream = self.nats.jetstream.get_stream(STREAM).await.map_err(|error| StreamError::Broker(error.to_string()))?;
        let consumer = self.consumers.of(self.shard, &stream).await?;
        // Else a new reader stands by until the pin of the one before has ended.
        if let Some(pin) = &self.pin {
            release(self.shard, &stream, pin).await;
            self.pin = None;
        }
        frames(&consumer).await
    }

    /// Takes a message, or notes that the consumer must be made again.
    fn hold(&mut self, message: Result<Message, impl std::fmt::Display>) {
        match message {
            Ok(message) => {
                let pin = message.headers.as_ref().and_then(|headers| headers.get_last(NATS_PIN_ID)).map(|pin| pin.as_str());
                if pin.is_some() && pin != self.pin.as_deref() {
                    self.pin = pin.map(str::to_owned);
                }
                self.held.extend(self.delivery(message));
            }
            Err(error) => {
                self.failed(&error, "the consumer is made again");
                self.messages = None;
            }
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display, what: &str) {
        if self.throttles.outages.may_tell() {
            tracing::warn!(shard = self.shard.index(), %error, "{what}");
        }
    }

    /// A frame of a version that is not known stays un-acked and comes again, until a program comes
    /// that knows it. A malformed one is handed on as one record that no decoder takes, so that it
    /// ends where such records end: set aside with its bytes.
    fn delivery(&self, message: Message) -> Option<Delivery> {
        let id = message.headers.as_ref().and_then(|headers| headers.get(NATS_MESSAGE_ID)).map(|id| id.as_str().to_owned());
        let id = FrameId::from_text(id.unwrap_or_else(|| format!("crc-{:08x}", crc32c::crc32c(&message.payload))));
        let frame = match Frame::decode(id.clone(), &message.payload) {
            Ok(frame) => frame,
            Err(FrameError::UnknownVersion(version)) => {
                if self.throttles.newer.may_tell() {
                    tracing::error!(
                        version,
                        "Clicks wait for a newer worker: frames have a version that this one does not know. Upgrade the workers."
                    );
                }
                return None;
            }
            Err(FrameError::Malformed) => Frame { id, shard: self.shard, records: vec![message.payload.clone()], losses: Vec::new() },
        };
        Some(Delivery::new(frame, JetStreamReceipt(message)))
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

    async fn leave(&mut self) {
        self.messages = None;
        let Some(pin) = self.pin.take().filter(|_| self.nats.is_connected()) else { return };
        let released = async {
            if let Ok(stream) = self.nats.jetstream.get_stream(STREAM).await {
                release(self.shard, &stream, &pin).await;
            }
        };
        let _ = tokio::time::timeout(LEAVE, released).await;
    }
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
