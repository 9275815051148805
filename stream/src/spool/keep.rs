//! What becomes of a click that the spool has no room for.

use std::fmt;
use std::pin::Pin;

use domain::{CapturedClick, Loss, LossReason, WorkspaceId};

use super::{Spool, SpoolError};
use crate::jetstream::{Direct, Sent};

/// What became of a click, or what is to be waited for.
pub enum Kept<'a> {
    /// It is in the spool.
    Now,
    /// Fails with why the click is lost, or in class `fsync` with what its flush failed with.
    Soon(Pin<Box<dyn Future<Output = Result<(), SpoolError>> + Send + 'a>>),
}

impl fmt::Debug for Kept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now => "Now",
            Self::Soon(_) => "Soon",
        })
    }
}

impl Kept<'_> {
    /// Until it is known.
    ///
    /// # Errors
    /// Why the click is lost, or in class `fsync` that its flush failed.
    pub async fn done(self) -> Result<(), SpoolError> {
        match self {
            Self::Now => Ok(()),
            Self::Soon(rest) => rest.await,
        }
    }
}

impl Spool {
    /// Keeps a click as well as can be: in the spool with its durability; with no room there, at the
    /// broker; and when that does not answer at once either, as a count of what was lost. Takes no
    /// more than a fifth of a second beyond an append. In class `os` a click is nearly always kept
    /// when this returns, without a future that would hold it.
    pub fn keep(&self, click: CapturedClick) -> Kept<'_> {
        match self.append(&click) {
            Ok(_) if self.0.flusher.is_none() => Kept::Now,
            Ok(position) => Kept::Soon(Box::pin(self.settled(position))),
            Err(error) => Kept::Soon(Box::pin(async move { self.keep_elsewhere(&click, error).await })),
        }
    }

    async fn keep_elsewhere(&self, click: &CapturedClick, error: SpoolError) -> Result<(), SpoolError> {
        let sent = match self.0.direct.get().filter(|_| error.is_full()) {
            Some(direct) => direct.send(self.0.id, click).await,
            None => Sent::No,
        };
        match sent {
            Sent::Yes => {
                self.0.metrics.direct.inc();
                return Ok(());
            }
            Sent::Perhaps => self.lost(click.workspace, LossReason::InDoubt),
            Sent::No => error.loss().into_iter().for_each(|reason| self.lost(click.workspace, reason)),
        }
        Err(error)
    }

    fn lost(&self, workspace: WorkspaceId, reason: LossReason) {
        self.0.metrics.lost.get_or_create(&vec![("reason", reason.label())]).inc();
        self.count_loss(workspace, reason);
    }

    pub(super) fn count_loss(&self, workspace: WorkspaceId, reason: LossReason) {
        let shared = &*self.0;
        if let Err(error) = shared.losses().count(workspace, shared.clock.now(), reason) {
            tracing::error!(%error, "a loss cannot be counted on the disk; the metric has it");
        }
    }

    /// The counters of lost clicks that were not acked yet.
    pub(crate) fn losses(&self) -> Vec<Loss> {
        self.0.losses().pending()
    }

    /// These counters were stored.
    pub(crate) fn losses_acked(&self, losses: &[Loss]) {
        if !losses.is_empty()
            && let Err(error) = self.0.losses().acked(losses)
        {
            tracing::warn!(%error, "counters of lost clicks are sent again after a restart");
        }
    }

    /// The counters that were acked may be lost too.
    pub(crate) fn tell_losses_again(&self) {
        if let Err(error) = self.0.losses().tell_again() {
            tracing::warn!(%error, "counters of lost clicks cannot be sent again");
        }
    }

    /// Sends clicks past a full spool from now on.
    pub(crate) fn set_direct(&self, direct: Direct) {
        let _ = self.0.direct.set(direct);
    }
}
