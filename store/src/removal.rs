//! The end of a workspace: asked for, taken back, and carried out.
//!
//! Nothing but a date is written while it can be taken back; redirectors learn by the policy that its links
//! lead nowhere. After that everything of it goes in steps, in an order in which each step may be the last
//! before the process dies: whoever comes next finds the rest by the workspace's row, which goes last.

use domain::{ApiKeyId, Millis, WorkspaceId};
use entity::{api_key, domain as domain_row, domain_outbox, link_outbox, membership, policy_outbox, workspace};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Statement, Value,
};
use uuid::Uuid;

use crate::erase::ERASER;
use crate::ingest::CLOSED;
use crate::policy_outbox::PolicySubject;
use crate::{Access, Conflict, Store, StoreError, WorkspaceScope};

/// Rows that go in one transaction.
const ROWS: u64 = 1_000;

/// What a workspace owns beside what is told of elsewhere: tables with their keys, each before those that it
/// points to.
const OWNED: &[(&str, &str)] = &[
    ("click_recipients", "recipient, click_id"),
    ("clicks", "id"),
    ("rollup_cells", "link_id, grain, quarter"),
    ("rollup_values", "block, value"),
    ("visitor_sketches", "link_id, quarter"),
    ("misses", "id"),
    ("miss_counts", "quarter, domain_id, verdict"),
    ("conversions", "event_id"),
    ("engagements", "click_id"),
    ("link_stats", "link_id"),
    ("visitor_days", "day, visitor, link_id"),
    ("visitor_salts", "day"),
    ("audit_log", "id"),
    ("ingest_counters", "minute, reason, counter_id"),
    ("link_leases", "id"),
    ("link_permits", "link_id"),
    ("link_reports", "id"),
    ("link_tags", "tag, link_id"),
    ("link_metadata", "link_id, key"),
    ("annotations", "id"),
    ("recipients", "list_id, recipient"),
    ("recipient_lists", "id"),
    ("rule_names", "rule_id"),
    ("links", "id"),
    ("signing_secrets", "id"),
    ("jobs", "id"),
    ("erased", "hash"),
    ("erasure_salts", "until"),
    ("erasures", "id"),
];

impl WorkspaceScope {
    /// When the workspace goes; `None` where nobody asked for it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn deletion_at(&self) -> Result<Option<Millis>, StoreError> {
        let row = workspace::Entity::find_by_id(self.workspace.0).one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        Ok(row.deletion_at.map(Millis))
    }

    /// Has the workspace go at that time, or at an earlier one that was asked for before; returns when. From
    /// now on its links lead nowhere.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_at(&self, at: Millis) -> Result<Millis, StoreError> {
        self.lock_workspace().await?;
        if let Some(at) = self.deletion_at().await? {
            return Ok(at);
        }
        self.set_deletion(Some(at)).await?;
        Ok(at)
    }

    /// Takes the deletion back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when it has begun.
    pub async fn keep_workspace(&self) -> Result<(), StoreError> {
        self.lock_workspace().await?;
        if self.deletion_at().await?.is_none() {
            return Ok(());
        }
        let sql = "SELECT guarded_until FROM workspace_heads WHERE workspace_id = $1";
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, [self.workspace.0.into()]);
        let head = self.transaction.query_one_raw(statement).await?.ok_or(StoreError::NotFound)?;
        if head.try_get::<i64>("", "guarded_until")? == CLOSED {
            return Err(StoreError::Conflict(Conflict::Removed));
        }
        self.set_deletion(None).await
    }

    async fn set_deletion(&self, at: Option<Millis>) -> Result<(), StoreError> {
        let row = workspace::ActiveModel { deletion_at: Set(at.map(|at| at.0)), ..Default::default() };
        workspace::Entity::update_many().set(row).filter(workspace::Column::Id.eq(self.workspace.0)).exec(&self.transaction).await?;
        self.policy_changed().await
    }
}

impl Store {
    /// Workspaces whose time is over.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn due_removals(&self, now: Millis) -> Result<Vec<WorkspaceId>, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT id FROM linklogger_due_removals($1)"
        } else {
            "SELECT id FROM workspaces WHERE deletion_at <= $1 ORDER BY deletion_at"
        };
        let transaction = self.begin_as("linklogger_worker", "", Access::Read).await?;
        let rows = transaction.query_all_raw(self.statement(sql, [now.0.into()])).await?;
        rows.iter().map(|row| Ok(WorkspaceId(row.try_get("", "id")?))).collect()
    }

    /// Removes a part of a workspace whose time is over; true while there is more.
    ///
    /// # Errors
    /// When the database does not answer; then the step has left no trace.
    pub async fn remove_step(&self, workspace: WorkspaceId, now: Millis) -> Result<bool, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Write).await?;
        let row = workspace::Entity::find_by_id(workspace.0).lock_exclusive().one(&transaction).await?;
        if row.and_then(|row| row.deletion_at).is_none_or(|at| at > now.0) {
            return Ok(false);
        }
        let removal = Removal { store: self, transaction: &transaction, workspace };
        let more = removal.step(now).await?;
        transaction.commit().await?;
        Ok(more)
    }
}

struct Removal<'a> {
    store: &'a Store,
    transaction: &'a DatabaseTransaction,
    workspace: WorkspaceId,
}

impl Removal<'_> {
    async fn step(&self, now: Millis) -> Result<bool, StoreError> {
        // From here on nothing is stored any more, and nothing taken back.
        let close = "UPDATE workspace_heads SET guarded_until = $2 WHERE workspace_id = $1 AND guarded_until <> $2";
        if self.run(close, vec![CLOSED.into()]).await? > 0 {
            return Ok(true);
        }
        // First whoever could still look at it while it goes, then what leads to it.
        if self.remove_members().await? || self.free_domains(now).await? || self.free_slugs().await? || self.end_keys().await? {
            return Ok(true);
        }
        let mut left = ROWS;
        for (table, key) in OWNED {
            let sql = format!(
                "DELETE FROM {table} WHERE workspace_id = $1 AND ({key}) IN (SELECT {key} FROM {table} WHERE workspace_id = $1 LIMIT {left})"
            );
            left = left.saturating_sub(self.run(&sql, vec![]).await?);
            if left == 0 {
                return Ok(true);
            }
        }
        self.run("DELETE FROM workspace_heads WHERE workspace_id = $1", vec![]).await?;
        self.run("DELETE FROM workspaces WHERE id = $1", vec![]).await?;
        self.tell(PolicySubject::Workspace(self.workspace)).await?;
        Ok(false)
    }

    /// Members with another workspace keep their account. The others' go, since nothing is left that they
    /// could sign in to.
    async fn remove_members(&self) -> Result<bool, StoreError> {
        let members: Vec<Uuid> = membership::Entity::find()
            .select_only()
            .column(membership::Column::UserId)
            .filter(membership::Column::WorkspaceId.eq(self.workspace.0))
            .limit(100)
            .into_tuple()
            .all(self.transaction)
            .await?;
        let tokens = "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE active_workspace = $1)";
        self.run(tokens, vec![]).await?;
        self.run("DELETE FROM sessions WHERE active_workspace = $1", vec![]).await?;
        let lone = self.lone_members().await?;
        for user in &members {
            self.run("DELETE FROM memberships WHERE workspace_id = $1 AND user_id = $2", vec![(*user).into()]).await?;
            if lone.contains(user) {
                let tokens = "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $1)";
                for sql in [tokens, "DELETE FROM sessions WHERE user_id = $1", "DELETE FROM users WHERE id = $1"] {
                    self.transaction.execute_raw(self.store.statement(sql, [(*user).into()])).await?;
                }
            }
        }
        Ok(!members.is_empty())
    }

    async fn lone_members(&self) -> Result<Vec<Uuid>, StoreError> {
        let sql = if self.store.is_postgres() {
            "SELECT user_id FROM linklogger_lone_members($1)"
        } else {
            "SELECT m.user_id FROM memberships m WHERE m.workspace_id = $1 \
             AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.user_id = m.user_id AND o.workspace_id <> $1)"
        };
        let rows = self.transaction.query_all_raw(self.store.statement(sql, [self.workspace.0.into()])).await?;
        rows.iter().map(|row| Ok(row.try_get("", "user_id")?)).collect()
    }

    /// Hosts that served links are nobody's for 30 days, as if they had been removed by hand.
    async fn free_domains(&self, now: Millis) -> Result<bool, StoreError> {
        let domains = domain_row::Entity::find().filter(domain_row::Column::WorkspaceId.eq(self.workspace.0));
        let domains = domains.limit(100).all(self.transaction).await?;
        for domain in &domains {
            if domain.verified_at.is_some() {
                crate::domain_proofs::quarantine(self.transaction, self.workspace, &domain.host, now).await?;
                if self.store.link_outbox {
                    let change = domain_outbox::ActiveModel {
                        workspace_id: Set(self.workspace.0),
                        host: Set(domain.host.clone()),
                        domain_id: Set(domain.id),
                        version: Set(domain.version + 1),
                        ..Default::default()
                    };
                    domain_outbox::Entity::insert(change).exec_without_returning(self.transaction).await?;
                }
            }
            self.run("DELETE FROM domains WHERE workspace_id = $1 AND id = $2", vec![domain.id.into()]).await?;
        }
        Ok(!domains.is_empty())
    }

    async fn free_slugs(&self) -> Result<bool, StoreError> {
        let sql = "SELECT s.domain_id, s.folded, s.link_id, l.version FROM link_slugs s JOIN links l ON l.id = s.link_id \
                   WHERE s.workspace_id = $1 LIMIT 300";
        let slugs = self.transaction.query_all_raw(self.store.statement(sql, [self.workspace.0.into()])).await?;
        for slug in &slugs {
            let (domain, folded): (Uuid, String) = (slug.try_get("", "domain_id")?, slug.try_get("", "folded")?);
            if self.store.link_outbox {
                let change = link_outbox::ActiveModel {
                    workspace_id: Set(self.workspace.0),
                    domain_id: Set(domain),
                    folded: Set(folded.clone()),
                    link_id: Set(slug.try_get("", "link_id")?),
                    version: Set(slug.try_get::<i32>("", "version")? + 1),
                    ..Default::default()
                };
                link_outbox::Entity::insert(change).exec_without_returning(self.transaction).await?;
            }
            let sql = "DELETE FROM link_slugs WHERE workspace_id = $1 AND domain_id = $2 AND folded = $3";
            self.run(sql, vec![domain.into(), folded.into()]).await?;
        }
        Ok(!slugs.is_empty())
    }

    async fn end_keys(&self) -> Result<bool, StoreError> {
        let keys = api_key::Entity::find().filter(api_key::Column::WorkspaceId.eq(self.workspace.0));
        let keys = keys.limit(300).all(self.transaction).await?;
        for key in &keys {
            self.tell(PolicySubject::Key(ApiKeyId(key.id))).await?;
            self.run("DELETE FROM api_keys WHERE workspace_id = $1 AND id = $2", vec![key.id.into()]).await?;
        }
        Ok(!keys.is_empty())
    }

    /// Notes for the snapshot that redirectors must forget this.
    async fn tell(&self, subject: PolicySubject) -> Result<(), StoreError> {
        if !self.store.link_outbox {
            return Ok(());
        }
        let (kind, subject) = subject.parts();
        let row = policy_outbox::ActiveModel {
            workspace_id: Set(self.workspace.0),
            kind: Set(kind),
            subject: Set(subject),
            ..Default::default()
        };
        policy_outbox::Entity::insert(row).exec_without_returning(self.transaction).await?;
        Ok(())
    }

    /// Runs a statement whose first value is the workspace; how many rows it changed.
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let values = std::iter::once(self.workspace.0.into()).chain(values);
        Ok(self.transaction.execute_raw(Statement::from_sql_and_values(self.store.backend(), sql, values)).await?.rows_affected())
    }
}
