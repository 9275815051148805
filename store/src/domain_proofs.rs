//! Who has a host: what a look at DNS means for its domain, and hosts that were freed. A host is
//! verified in one workspace at a time; whoever frees it may take it back for 30 days, and nobody
//! else.

use domain::{CustomDomain, DomainId, Lapse, Millis, WorkspaceId};
use entity::{domain as row, host_quarantine};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use crate::{Conflict, StoreError, WorkspaceScope};

const QUARANTINE_MILLIS: i64 = 30 * 24 * 3_600_000;

/// What a look at DNS found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    Found,
    /// DNS answered, without the proof: what it had instead, for a person.
    Missing(String),
}

impl WorkspaceScope {
    /// Notes that a person asks for a look at DNS, unless somebody did within `pause_millis`: then
    /// when the next one may.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn note_attempt(&self, id: DomainId, now: Millis, pause_millis: i64) -> Result<Option<Millis>, StoreError> {
        let stored = self.locked_domain(id).await?;
        if let Some(again) = stored.tried_at.map(|tried| Millis(tried + pause_millis)).filter(|again| now < *again) {
            return Ok(Some(again));
        }
        self.write_domain(stored.id, row::ActiveModel { tried_at: Set(Some(now.0)), ..Default::default() }).await?;
        Ok(None)
    }

    /// Writes what a look at DNS found: a domain is verified, or loses the proof, at last for good.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when the host is another workspace's, or
    /// was until recently: then nothing may be committed.
    pub async fn record_proof(&self, id: DomainId, proof: Proof, now: Millis, next_check: Millis) -> Result<CustomDomain, StoreError> {
        let stored = self.locked_domain(id).await?;
        let mut changed = row::ActiveModel { checked_at: Set(Some(now.0)), next_check_at: Set(next_check.0), ..Default::default() };
        let was_verified = stored.verified_at.is_some();
        let is_verified = match proof {
            Proof::Found => {
                (changed.lapses, changed.lapsed_since, changed.problem) = (Set(0), Set(None), Set(None));
                true
            }
            Proof::Missing(problem) => {
                changed.problem = Set(Some(problem));
                let lapse = Lapse { count: stored.lapses, since: stored.lapsed_since.map(Millis) };
                let lapse = if was_verified { lapse.after(now) } else { lapse };
                (changed.lapses, changed.lapsed_since) = (Set(lapse.count), Set(lapse.since.map(|since| since.0)));
                was_verified && !lapse.is_final(now)
            }
        };
        if is_verified == was_verified {
            self.write_domain(stored.id, changed).await?;
            return self.domain(id).await;
        }
        changed.verified_at = Set(is_verified.then_some(now.0));
        changed.suspended_at = Set((!is_verified).then_some(now.0));
        changed.version = Set(stored.version + 1);
        self.write_domain(stored.id, changed).await?;
        if is_verified {
            self.leave_quarantine(&stored.host, now).await?;
        } else {
            self.quarantine(&stored.host, now).await?;
        }
        self.tell_of_host(&stored, stored.version + 1).await?;
        self.domain(id).await
    }

    /// Looks at DNS again at `at` and not when it would have been due.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn postpone_check(&self, id: DomainId, at: Millis) -> Result<(), StoreError> {
        self.write_domain(id.0, row::ActiveModel { next_check_at: Set(at.0), ..Default::default() }).await
    }

    pub(crate) async fn quarantine(&self, host: &str, now: Millis) -> Result<(), StoreError> {
        quarantine(&self.transaction, self.workspace, host, now).await
    }

    /// Asked only after the host is taken: a workspace that is freeing it just now has committed then.
    async fn leave_quarantine(&self, host: &str, now: Millis) -> Result<(), StoreError> {
        let Some(kept) = host_quarantine::Entity::find_by_id(host).one(&self.transaction).await? else { return Ok(()) };
        if WorkspaceId(kept.workspace_id) != self.workspace && kept.until > now.0 {
            return Err(StoreError::Conflict(Conflict::HostQuarantined));
        }
        host_quarantine::Entity::delete_by_id(host).exec(&self.transaction).await?;
        Ok(())
    }
}

/// Keeps a host for the workspace that has freed it.
pub(crate) async fn quarantine(
    transaction: &DatabaseTransaction,
    workspace: WorkspaceId,
    host: &str,
    now: Millis,
) -> Result<(), StoreError> {
    use host_quarantine::Column;
    // What is over is cleared away by whoever comes next.
    host_quarantine::Entity::delete_many().filter(Column::Until.lte(now.0)).exec(transaction).await?;
    let freed = host_quarantine::ActiveModel {
        host: Set(host.to_owned()),
        workspace_id: Set(workspace.0),
        until: Set(now.plus(QUARANTINE_MILLIS).0),
    };
    let again = OnConflict::column(Column::Host).update_columns([Column::WorkspaceId, Column::Until]).to_owned();
    host_quarantine::Entity::insert(freed).on_conflict(again).exec_without_returning(transaction).await?;
    Ok(())
}
