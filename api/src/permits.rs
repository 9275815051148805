//! Gives permits of limited links to redirectors without a database.

use std::convert::Infallible;

use platform::{Clock, Throttle};
use store::{Store, StoreError};
use stream::{NatsClient, PermitQuestion, serve_permits};
use tokio_util::sync::CancellationToken;

/// The task of the role api that answers questions for permits.
#[derive(Clone, Debug)]
pub struct PermitService {
    pub store: Store,
    pub nats: NatsClient,
    pub clock: Clock,
}

impl PermitService {
    /// Answers until the stop.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), Infallible> {
        let outages = Throttle::default();
        let answer = |question| self.answer(question, &outages);
        serve_permits(self.nats.clone(), answer, stopping).await;
        Ok(())
    }

    async fn answer(&self, question: PermitQuestion, outages: &Throttle) -> Result<u32, StoreError> {
        let answer = match question {
            PermitQuestion::Lease(lease, wanted) => self.store.lease(&lease, wanted, self.clock.now()).await,
            PermitQuestion::GiveBack(lease, unused) => self.store.return_permits(&lease, unused).await.map(|_| 0),
        };
        answer.inspect_err(|error| {
            if outages.may_tell() {
                tracing::warn!(%error, "permits cannot be given to a redirector without a database");
            }
        })
    }
}
