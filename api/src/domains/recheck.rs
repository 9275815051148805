//! Looks for the proof of each verified domain again about once a day, one at a time. Only when DNS
//! has said for days that it is gone is the domain suspended; a DNS that does not answer says
//! nothing. Several processes may do so at once: a domain that is due is given to one of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::{DomainStatus, Millis};
use platform::{Clock, Rng};
use store::{Access, DueDomain, Proof, Store, StoreError};
use stream::{LinkEvent, LinkNotices};
use tokio_util::sync::CancellationToken;

use super::Proofs;

const HOUR: i64 = 3_600_000;
/// How long a process that took a domain has until another one may.
const CLAIM: i64 = HOUR / 4;
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// When a proof is looked for again after DNS answered: 22 to 26 hours later, so that domains that
/// were verified together do not stay together.
pub(crate) fn next_check(now: Millis, rng: &Rng) -> Millis {
    now.plus(22 * HOUR).plus(rng.below(4 * HOUR as u64) as i64)
}

/// When it is tried again after DNS did not answer: 60 to 90 minutes later.
fn next_try(now: Millis, rng: &Rng) -> Millis {
    now.plus(HOUR).plus(rng.below(HOUR as u64 / 2) as i64)
}

/// The task of the role api that looks again.
#[derive(Clone, Debug)]
pub struct DomainChecks {
    pub store: Store,
    pub proofs: Proofs,
    pub notices: Arc<dyn LinkNotices>,
    pub clock: Clock,
    pub rng: Rng,
}

impl DomainChecks {
    /// Looks until the stop.
    ///
    /// # Errors
    /// Never: what fails is tried again.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                result = self.check_due() => if let Err(error) = result {
                    tracing::warn!(%error, "the proofs of domains cannot be looked for; trying again");
                },
                () = stopping.cancelled() => return Ok(()),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return Ok(()),
            }
        }
    }

    /// Looks for every proof that is due now. Returns how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn check_due(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let now = self.clock.now();
            let Some(due) = self.store.claim_domain_check(now, now.plus(CLAIM)).await? else { return Ok(count) };
            self.check(&due).await?;
            count += 1;
        }
    }

    async fn check(&self, due: &DueDomain) -> Result<(), StoreError> {
        let found = self.proofs.look(due.workspace, &due.host, &due.token).await;
        let (scope, now) = (self.store.workspace(due.workspace, Access::Write).await?, self.clock.now());
        let recorded = match found {
            Ok(proof) => {
                let is_missing = proof != Proof::Found;
                let recorded = scope.record_proof(due.id, proof, now, next_check(now, &self.rng)).await;
                recorded.map(|domain| is_missing && domain.status == DomainStatus::Suspended)
            }
            Err(error) => {
                tracing::debug!(%error, host = %due.host, "DNS does not say whether a domain is still proven; asking again later");
                scope.postpone_check(due.id, next_try(now, &self.rng)).await.map(|()| false)
            }
        };
        match recorded {
            Ok(suspended) => {
                scope.commit().await?;
                if suspended {
                    tracing::warn!(host = %due.host, "a domain is suspended: its proof has been missing from DNS for days");
                    self.notices.publish(LinkEvent::HostChanged { host: due.host.clone() }).await;
                }
                Ok(())
            }
            // Removed meanwhile.
            Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
