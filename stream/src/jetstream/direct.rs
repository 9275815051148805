//! One click past a full spool: published by itself, for a moment only, since a visitor waits.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use domain::{CapturedClick, Shard};
use tokio::sync::Semaphore;

use super::{NatsClient, SUBJECT};
use crate::{Frame, FrameId, encode_record};

/// How long a visitor may wait for it.
const PATIENCE: Duration = Duration::from_millis(200);
/// Clicks under way at once; the next ones do not wait for a place.
const AT_ONCE: usize = 256;

/// What became of a click that was sent directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Yes,
    /// The broker did not answer in time.
    Perhaps,
    No,
}

#[derive(Clone, Debug)]
pub(crate) struct Direct {
    nats: NatsClient,
    places: Arc<Semaphore>,
}

impl Direct {
    pub fn new(nats: NatsClient) -> Self {
        Self { nats, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub async fn send(&self, spool: u64, click: &CapturedClick) -> Sent {
        let Ok(_place) = self.places.try_acquire() else { return Sent::No };
        if !self.nats.is_connected() {
            return Sent::No;
        }
        let record = Bytes::from(encode_record(click));
        let id = FrameId::of_click(spool, click.id, &record);
        let frame = Frame { id, shard: Shard::of(click.workspace), records: vec![record], losses: Vec::new() };
        match tokio::time::timeout(PATIENCE, self.publish(&frame)).await {
            Ok(sent) => sent,
            Err(_) => Sent::Perhaps,
        }
    }

    async fn publish(&self, frame: &Frame) -> Sent {
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, frame.id.as_str());
        let subject = format!("{SUBJECT}.{}", frame.shard.index());
        let Ok(ack) = self.nats.jetstream.publish_with_headers(subject, headers, frame.encode()).await else { return Sent::No };
        match ack.await {
            Ok(_) => Sent::Yes,
            Err(error) => match error.kind() {
                async_nats::jetstream::context::PublishErrorKind::TimedOut
                | async_nats::jetstream::context::PublishErrorKind::BrokenPipe
                | async_nats::jetstream::context::PublishErrorKind::Other => Sent::Perhaps,
                // The broker has said no.
                _ => Sent::No,
            },
        }
    }
}
