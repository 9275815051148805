//! Stored clicks as far as their verdicts go: what a worker must know of those beside a click, and what is
//! judged again.

use domain::{Click, ClickId, JudgedClick, LinkId, Method, Millis, Outcome, Seq, SignalSet, Verdict, VerdictReason, WorkspaceId};
use entity::click::{Column, Entity};
use entity::workspace_head;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::clicks::to_click;
use crate::{Access, Store, StoreError};

/// Which clicks of a workspace.
#[derive(Clone, Copy, Debug)]
pub enum JudgedRange<'a> {
    /// Those that happened within so many milliseconds before the last one that did so before `now`, and
    /// whatever is later.
    Latest {
        millis: i64,
        now: Millis,
    },
    /// Those that happened between, both instants included.
    Between(Millis, Millis),
    /// Those stored after that place which happened then or later.
    Above(Seq, Millis),
    These(&'a [ClickId]),
}

/// Clicks, and the head of the snapshot that they were read in.
#[derive(Clone, Debug)]
pub struct JudgedClicks {
    /// In the order of their ids, which is that of time.
    pub clicks: Vec<JudgedClick>,
    /// Whether there were more; then the newest are given.
    pub cut: bool,
    pub head: Seq,
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn judged(&self, workspace: WorkspaceId, range: JudgedRange<'_>, most: u64) -> Result<JudgedClicks, StoreError> {
        let transaction = self.begin_as("linklogger_worker", &workspace.0.to_string(), Access::Read).await?;
        let head = workspace_head::Entity::find_by_id(workspace.0).one(&transaction).await?.map_or(0, |row| row.head);
        let Some(wanted) = condition(&transaction, workspace, range).await? else {
            return Ok(JudgedClicks { clicks: Vec::new(), cut: false, head });
        };
        let columns = [
            Column::Id,
            Column::LinkId,
            Column::Outcome,
            Column::Method,
            Column::Verdict,
            Column::VerdictReason,
            Column::RulesVersion,
            Column::UserAgent,
            Column::Signals,
            Column::SystemNumber,
            Column::Network,
            Column::Visitor,
        ];
        let query =
            Entity::find().select_only().columns(columns).filter(Column::WorkspaceId.eq(workspace.0)).filter(wanted).limit(most + 1);
        let mut rows = query.order_by_desc(Column::Id).into_model::<Row>().all(&transaction).await?;
        let cut = rows.len() as u64 > most;
        if cut {
            rows.pop();
        }
        rows.reverse();
        Ok(JudgedClicks { clicks: rows.into_iter().map(read).collect::<Result<_, _>>()?, cut, head })
    }

    /// Clicks of a workspace as they are stored, after that one and before that instant, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clicks_between(&self, workspace: WorkspaceId, after: ClickId, until: Millis, most: u64) -> Result<Vec<Click>, StoreError> {
        let transaction = self.begin_as("linklogger_worker", &workspace.0.to_string(), Access::Read).await?;
        let query = Entity::find().filter(Column::WorkspaceId.eq(workspace.0)).filter(Column::Id.gt(after.0));
        let query = query.filter(Column::Id.lt(ClickId::floor(until).0)).order_by_asc(Column::Id).limit(most);
        query.all(&transaction).await?.into_iter().map(to_click).collect()
    }
}

/// `None` where there is nothing to be found.
async fn condition(
    transaction: &DatabaseTransaction,
    workspace: WorkspaceId,
    range: JudgedRange<'_>,
) -> Result<Option<Condition>, StoreError> {
    let from = |at: Millis| Column::Id.gte(ClickId::floor(at).0);
    Ok(Some(match range {
        JudgedRange::Latest { millis, now } => {
            let last = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::WorkspaceId.eq(workspace.0))
                .filter(Column::Id.lt(ClickId::floor(now.plus(1)).0))
                .order_by_desc(Column::Id)
                .into_tuple::<Uuid>()
                .one(transaction)
                .await?;
            let Some(last) = last else { return Ok(None) };
            Condition::all().add(from(ClickId(last).made_at().plus(-millis)))
        }
        JudgedRange::Between(first, last) => Condition::all().add(from(first)).add(Column::Id.lt(ClickId::floor(last.plus(1)).0)),
        JudgedRange::Above(seq, at) => Condition::all().add(Column::Seq.gt(seq)).add(from(at)),
        JudgedRange::These(ids) => Condition::all().add(Column::Id.is_in(ids.iter().map(|id| id.0))),
    }))
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    link_id: Uuid,
    outcome: i16,
    method: i16,
    verdict: i16,
    verdict_reason: i16,
    rules_version: i16,
    user_agent: Option<String>,
    signals: i64,
    system_number: Option<i64>,
    network: Option<String>,
    visitor: Option<String>,
}

fn read(row: Row) -> Result<JudgedClick, StoreError> {
    let unknown = |what: &str, code: i16| StoreError::Internal(format!("no {what} has the code {code}"));
    Ok(JudgedClick {
        id: ClickId(row.id),
        link: LinkId(row.link_id),
        outcome: Outcome::from_code(row.outcome).ok_or_else(|| unknown("outcome", row.outcome))?,
        method: Method::from_code(row.method).ok_or_else(|| unknown("method", row.method))?,
        verdict: Verdict::from_code(row.verdict).ok_or_else(|| unknown("verdict", row.verdict))?,
        reason: VerdictReason::from_code(row.verdict_reason).ok_or_else(|| unknown("reason", row.verdict_reason))?,
        rules_version: row.rules_version,
        user_agent: row.user_agent,
        signals: SignalSet::from_bits(u32::try_from(row.signals).unwrap_or_default()),
        system: row.system_number.and_then(|number| u32::try_from(number).ok()),
        network: row.network,
        visitor: row.visitor,
    })
}
