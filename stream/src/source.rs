//! What the worker reads clicks from. A lane is the unit of order: its deliveries come one after
//! the other, and nothing is lost that was not acked.

use async_trait::async_trait;

use crate::{Frame, StreamError};

/// A source of frames, in this process or over the broker.
pub trait ClickSource: Send + Sync + std::fmt::Debug {
    /// The lanes to be read, each by one reader.
    fn lanes(&self) -> Vec<Box<dyn Lane>>;
}

/// One reader's share of the stream.
#[async_trait]
pub trait Lane: Send {
    /// Waits for a frame, then gives it and what else is at hand, up to about `max_clicks`
    /// records. May be dropped while it waits without losing anything. It does not fail because
    /// the broker is away: it waits.
    ///
    /// # Errors
    /// When this lane can never give anything again.
    async fn next(&mut self, max_clicks: usize) -> Result<Vec<Delivery>, StreamError>;

    /// Says that this one reads no more, so that another can read on at once. Without it another waits.
    async fn leave(&mut self) {}
}

/// Says what became of a frame to where it came from.
#[async_trait]
pub(crate) trait Receipt: Send + Sync {
    async fn ack(self: Box<Self>) -> Result<(), StreamError>;
    async fn extend(&self) -> Result<(), StreamError>;
}

/// A frame handed over. Dropped without [`Delivery::ack`] it is delivered again: from the spool
/// when the lane is opened anew, from the broker when its patience ends.
pub struct Delivery {
    pub frame: Frame,
    receipt: Box<dyn Receipt>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("frame", &self.frame.id).finish_non_exhaustive()
    }
}

impl Delivery {
    pub(crate) fn new(frame: Frame, receipt: impl Receipt + 'static) -> Self {
        Self { frame, receipt: Box::new(receipt) }
    }

    /// The frame's clicks are stored; it need not come again.
    ///
    /// # Errors
    /// When the ack could not be sent; then it comes again.
    pub async fn ack(self) -> Result<(), StreamError> {
        self.receipt.ack().await
    }

    /// The frame is still being worked on.
    ///
    /// # Errors
    /// When that could not be said; then it may come again.
    pub async fn extend(&self) -> Result<(), StreamError> {
        self.receipt.extend().await
    }
}
