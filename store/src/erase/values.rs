//! The texts of counted parameters go with the last count that has them: a person may be named in one.
//!
//! What erased clicks had is marked in the same transaction, and looked for once an erasure has no more clicks to take
//! out, still under the head's lock. The workspace's own days tell: whatever any cell counts is in one of them, by its
//! number or, where a day names its most, among the others; then its clicks are looked through. What is left over has
//! no count and no click, so its row can go. Its number is never given again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{ClickId, Quarter, WorkspaceId};
use entity::rollup_cell::{self, Column};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};
use uuid::Uuid;

use super::take_out::TakingOut;
use super::{places, places_of_rows};
use crate::StoreError;
use crate::ingest::Head;
use crate::recount::{PAGE, rows};
use crate::rollup::{Block, Cell, Counting, FIRST_PARAMETER, Facts, Grain, Interner, WHOLE_WORKSPACE, day_after, facts_of};

/// Values in one statement.
const MOST: usize = 1_000;
/// Days read at once.
const DAYS: u64 = 200;
/// Clicks that are looked through at most: of days that may have a value among the others.
const MOST_CLICKS: i64 = 200_000;

/// A value of a counted parameter: its block and number.
pub(super) type Numbered = (Block, u64);

/// Days, each by the quarter that it begins with.
type Days = BTreeSet<i64>;

/// What the workspace's days say of values.
#[derive(Default)]
struct Told {
    /// By block the days that have counted some value among the others, which nobody names.
    capped: HashMap<Block, Days>,
    /// Clicks of such days.
    clicks: BTreeMap<i64, i64>,
}

/// The values of counted parameters that these clicks have.
pub(super) fn parameters_of(clicks: &[Facts<'_>], counting: &Counting, values: &Interner) -> BTreeSet<Numbered> {
    let all = clicks.iter().filter(|facts| facts.is_counted).flat_map(|facts| counting.parameters_of(facts));
    all.filter_map(|(block, text)| Some((block, values.text(block, text)?))).collect()
}

/// The values of counted parameters that a cell counts.
pub(super) fn parameters_in(cell: &Cell) -> impl Iterator<Item = Numbered> + '_ {
    let all = cell.entries().iter().filter(|entry| entry.block.0 >= FIRST_PARAMETER);
    all.map(|entry| (entry.block, entry.key.value()))
}

fn values_of(numbered: &[Numbered]) -> Vec<Value> {
    numbered.iter().flat_map(|(block, id)| [block.0.cast_signed().into(), id.cast_signed().into()]).collect()
}

impl TakingOut<'_> {
    /// Notes that nobody may be left with these values.
    pub(super) async fn doubt(&self, values: BTreeSet<Numbered>) -> Result<(), StoreError> {
        let values: Vec<Numbered> = values.into_iter().collect();
        for some in values.chunks(MOST) {
            let places = places_of_rows(self.is_postgres(), 2, some.len(), 2);
            let sql = format!("UPDATE rollup_values SET doubtful = 1 WHERE workspace_id = $1 AND (block, id) IN {places}");
            self.run(sql, values_of(some)).await?;
        }
        Ok(())
    }

    /// Forgets of some doubtful values those that nothing has any more; true while there may be more of them.
    pub(super) async fn settle_values(&self, head: &Head) -> Result<bool, StoreError> {
        let sql = format!("SELECT block, id, value FROM rollup_values WHERE workspace_id = $1 AND doubtful = 1 LIMIT {MOST}");
        let mut doubtful: BTreeMap<Numbered, String> = BTreeMap::new();
        for row in self.query(sql, Vec::new()).await? {
            let (block, id): (i32, i64) = (row.try_get("", "block")?, row.try_get("", "id")?);
            doubtful.insert((Block(block.cast_unsigned()), id.cast_unsigned()), row.try_get("", "value")?);
        }
        if doubtful.is_empty() {
            return Ok(false);
        }
        let all: Vec<Numbered> = doubtful.keys().copied().collect();
        let counting = head.counting()?;
        let told = self.keep_those_in_days(&mut doubtful, &counting).await?;
        self.keep_those_of_clicks(&mut doubtful, head, &counting, &told).await?;
        let gone: Vec<Numbered> = doubtful.into_keys().collect();
        if !gone.is_empty() {
            let places = places_of_rows(self.is_postgres(), 2, gone.len(), 2);
            self.run(format!("DELETE FROM rollup_values WHERE workspace_id = $1 AND (block, id) IN {places}"), values_of(&gone)).await?;
            forgotten(self.transaction, self.workspace).await?;
        }
        let places = places_of_rows(self.is_postgres(), 2, all.len(), 2);
        self.run(format!("UPDATE rollup_values SET doubtful = 0 WHERE workspace_id = $1 AND (block, id) IN {places}"), values_of(&all))
            .await?;
        Ok(all.len() >= MOST)
    }

    /// Takes those out that a day names.
    async fn keep_those_in_days(&self, doubtful: &mut BTreeMap<Numbered, String>, counting: &Counting) -> Result<Told, StoreError> {
        let blocks: BTreeSet<Block> = doubtful.keys().map(|(block, _)| *block).collect();
        let since = counting.parameters.iter().filter(|counted| blocks.contains(&Block(counted.block))).map(|counted| counted.since).min();
        let (mut told, mut after) = (Told::default(), since.unwrap_or(i64::MIN));
        loop {
            let days: Vec<(i64, Vec<u8>)> = rollup_cell::Entity::find()
                .select_only()
                .column(Column::Quarter)
                .column(Column::Body)
                .filter(Column::WorkspaceId.eq(self.workspace.0))
                .filter(Column::LinkId.eq(WHOLE_WORKSPACE))
                .filter(Column::Grain.eq(Grain::Day.code()))
                .filter(Column::Quarter.gte(after))
                .order_by_asc(Column::Quarter)
                .limit(DAYS)
                .into_tuple()
                .all(self.transaction)
                .await?;
            let is_last = (days.len() as u64) < DAYS;
            for (day, body) in days {
                after = day + 1;
                let cell = Cell::decode_some(&body, |block| block == Block::TOTALS || blocks.contains(&block))?;
                parameters_in(&cell).for_each(|named| drop(doubtful.remove(&named)));
                for block in blocks.iter().filter(|block| cell.is_capped(**block)) {
                    told.capped.entry(*block).or_default().insert(day);
                    told.clicks.insert(day, cell.totals().map(|(_, count)| count.clicks).sum());
                }
            }
            if is_last || doubtful.is_empty() {
                return Ok(told);
            }
        }
    }

    /// Takes those out that a click of a day has which counted some among the others, and those of which nobody can
    /// tell: where clicks of such a day are gone, or there are too many to be looked through.
    async fn keep_those_of_clicks(
        &self,
        doubtful: &mut BTreeMap<Numbered, String>,
        head: &Head,
        counting: &Counting,
        told: &Told,
    ) -> Result<(), StoreError> {
        let is_told = |days: &Days| {
            let clicks: i64 = days.iter().filter_map(|day| told.clicks.get(day)).sum();
            days.first().is_none_or(|first| Quarter(*first).start() >= head.kept_from()) && clicks <= MOST_CLICKS
        };
        doubtful.retain(|(block, _), _| told.capped.get(block).is_none_or(is_told));
        let days: Days = doubtful.keys().filter_map(|(block, _)| told.capped.get(block)).flatten().copied().collect();
        for day in days {
            let end = ClickId::floor(day_after(Quarter(day), &head.zone()).start()).0;
            let (mut after, mut is_first): (Uuid, bool) = (ClickId::floor(Quarter(day).start()).0, true);
            while !doubtful.is_empty() {
                let page = rows(self.transaction, self.workspace.0, (after, end), is_first).await?;
                let Some(last) = page.last() else { break };
                (after, is_first) = (last.id, false);
                let clicks = facts_of(&page)?;
                let had: BTreeSet<(Block, &str)> =
                    clicks.iter().filter(|facts| facts.is_counted).flat_map(|facts| counting.parameters_of(facts)).collect();
                doubtful.retain(|(block, _), text| !had.contains(&(*block, text.as_str())));
                if page.len() < PAGE {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Has everybody forget the numbers that they remember.
pub(crate) async fn forgotten(transaction: &DatabaseTransaction, workspace: WorkspaceId) -> Result<(), StoreError> {
    let sql = "UPDATE workspace_heads SET values_forgotten = values_forgotten + 1 WHERE workspace_id = $1";
    let statement = sea_orm::Statement::from_sql_and_values(transaction.get_database_backend(), sql, [workspace.0.into()]);
    transaction.execute_raw(statement).await?;
    Ok(())
}

/// Forgets the texts of blocks that nobody counts or reads any more; whether there were any.
pub(crate) async fn forget_blocks(transaction: &DatabaseTransaction, workspace: WorkspaceId, blocks: &[u32]) -> Result<bool, StoreError> {
    if blocks.is_empty() {
        return Ok(false);
    }
    let values = std::iter::once(workspace.0.into()).chain(blocks.iter().map(|block| block.cast_signed().into()));
    let sql = format!("DELETE FROM rollup_values WHERE workspace_id = $1 AND block IN {}", places(2, blocks.len()));
    let statement = sea_orm::Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let gone = transaction.execute_raw(statement).await?.rows_affected() > 0;
    if gone {
        forgotten(transaction, workspace).await?;
    }
    Ok(gone)
}
