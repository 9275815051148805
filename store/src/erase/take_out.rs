//! Takes clicks out of everything that counts them, and hands on that one was the first of its visitor's day
//! to the next of that day, where there is one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::{ClickId, LocalDay, Millis, Outcome, WorkspaceId};
use jiff::tz::TimeZone;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, QueryResult, Statement, Value};
use uuid::Uuid;

use super::values::parameters_of;
use super::{ids, places, places_of_rows};
use crate::StoreError;
use crate::ingest::{Head, Marks, VisitorBytes};
use crate::rollup::{COLUMNS, Changes, CountedRow, Interner, Target, ValueCache, WHOLE_WORKSPACE, facts_of, numbering};

/// A click, as far as it is counted.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Row {
    pub id: Uuid,
    seq: i64,
    link_id: Uuid,
    outcome: i16,
    first_of_day: i16,
    visitor: Option<String>,
    visitor_recipe: Option<i16>,
}

/// Whose first click of a day is asked for: the local day, visitor, recipe, and link or whole workspace.
type First = (LocalDay, String, i16, Uuid);

impl Row {
    pub fn made_at(&self) -> Millis {
        ClickId(self.id).made_at()
    }

    fn is_counted(&self) -> bool {
        Outcome::from_code(self.outcome).is_some_and(Outcome::is_counted)
    }

    fn marks(&self) -> Marks {
        Marks(self.first_of_day)
    }

    fn of_day(&self, zone: &TimeZone, of: Uuid) -> Option<First> {
        Some((LocalDay::of(self.made_at(), zone), self.visitor.clone()?, self.visitor_recipe?, of))
    }

    /// Of what this is the first.
    fn firsts(&self, zone: &TimeZone) -> Vec<First> {
        let firsts = [(Marks::FIRST_OF_LINK, self.link_id), (Marks::FIRST_OF_WORKSPACE, WHOLE_WORKSPACE)];
        firsts.into_iter().filter(|(mark, _)| self.marks().has(*mark)).filter_map(|(_, of)| self.of_day(zone, of)).collect()
    }
}

/// Within one transaction that holds the head's lock.
pub(super) struct TakingOut<'a> {
    pub transaction: &'a DatabaseTransaction,
    pub workspace: WorkspaceId,
    pub zone: TimeZone,
    pub values: &'a ValueCache,
}

impl TakingOut<'_> {
    /// Deletes the rows, and leaves everything else as if they had never been stored.
    pub async fn take_out(&self, rows: &[Row]) -> Result<(), StoreError> {
        let firsts: BTreeSet<First> = rows.iter().flat_map(|row| row.firsts(&self.zone)).collect();
        let next = self.next_firsts(rows, &firsts).await?;
        let mut gained: BTreeMap<Uuid, (Row, i16)> = BTreeMap::new();
        for ((.., of), row) in &next {
            let mark = if *of == WHOLE_WORKSPACE { Marks::FIRST_OF_WORKSPACE } else { Marks::FIRST_OF_LINK };
            gained.entry(row.id).or_insert_with(|| (row.clone(), 0)).1 |= mark.0;
        }
        let mut changes = self.changes(rows, &gained).await?;
        let visitors = std::mem::take(&mut changes.sketches);
        self.write_cells(changes).await?;
        for (id, (_, marks)) in &gained {
            let sql = "UPDATE clicks SET first_of_day = first_of_day + $3 WHERE workspace_id = $1 AND id = $2";
            self.run(sql.to_owned(), vec![(*id).into(), (*marks).into()]).await?;
        }
        let ids: Vec<Value> = rows.iter().map(|row| row.id.into()).collect();
        self.run(format!("DELETE FROM clicks WHERE workspace_id = $1 AND id IN {}", places(2, ids.len())), ids).await?;
        self.write_sketches(visitors).await?;
        crate::conversions::going::take_out(self.transaction, self.workspace, rows.iter().map(|row| row.id)).await?;
        self.forget_visits(firsts.iter().filter(|first| !next.contains_key(first))).await?;
        let mut by_link: BTreeMap<Uuid, i64> = BTreeMap::new();
        rows.iter().filter(|row| row.is_counted()).for_each(|row| *by_link.entry(row.link_id).or_default() += 1);
        for (link, clicks) in by_link {
            self.correct_statistics(link, clicks).await?;
        }
        Ok(())
    }

    /// What cells lose, and what those gain that are the first of their visitor's day instead.
    async fn changes(&self, rows: &[Row], gained: &BTreeMap<Uuid, (Row, i16)>) -> Result<Changes, StoreError> {
        let head = self.head().await?;
        let (going, promoted) = (self.counted(rows.iter().map(|row| row.id)).await?, self.counted(gained.keys().copied()).await?);
        let (going, promoted) = (facts_of(&going)?, facts_of(&promoted)?);
        let mut counting = head.counting()?;
        let mut values = Interner::new(self.values, self.workspace, head.numbers());
        let missing = values.missing(going.iter().chain(&promoted), &counting);
        // What has no number was counted with the others, or before there were dimensions.
        let unnumbered = numbering::read(self.transaction, self.workspace, missing, &mut values).await?;
        unnumbered.into_iter().for_each(|value| values.leave_out(value));
        let mut target = Target::new(&mut counting, &values);
        going.iter().try_for_each(|facts| target.take(facts))?;
        for facts in &promoted {
            let marks = gained.get(&facts.id).map_or(0, |(_, marks)| *marks);
            target.promote(facts, Marks(marks))?;
        }
        let changes = target.finish();
        self.doubt(parameters_of(&going, &counting, &values)).await?;
        Ok(changes)
    }

    pub(super) async fn head(&self) -> Result<Head, StoreError> {
        let sql = format!("SELECT {} FROM workspace_heads WHERE workspace_id = $1", Head::COLUMNS);
        let rows = self.query(sql, Vec::new()).await?;
        Ok(Head::from_query_result(rows.first().ok_or(StoreError::NotFound)?, "")?)
    }

    async fn counted(&self, ids: impl ExactSizeIterator<Item = Uuid>) -> Result<Vec<CountedRow>, StoreError> {
        if ids.len() == 0 {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT {COLUMNS} FROM clicks WHERE workspace_id = $1 AND id IN {}", places(2, ids.len()));
        let values = std::iter::once(self.workspace.0.into()).chain(ids.map(Value::from));
        let rows = self.transaction.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        rows.into_iter().map(CountedRow::of).collect()
    }

    /// Which clicks become the first instead: of those that stay, what was stored first on the same day.
    async fn next_firsts(&self, going: &[Row], firsts: &BTreeSet<First>) -> Result<HashMap<First, Row>, StoreError> {
        let visitors: BTreeSet<&String> = firsts.iter().map(|(_, visitor, ..)| visitor).collect();
        let days = || firsts.iter().map(|(day, ..)| *day);
        let Some((first, last)) = days().min().zip(days().max()) else { return Ok(HashMap::new()) };
        let end = LocalDay(last.0.saturating_add(1)).start(&self.zone).unwrap_or(Millis::MAX);
        let (from, to) = ids(first.start(&self.zone).unwrap_or(Millis(0)), end);
        let sql = format!(
            "SELECT id, seq, link_id, outcome, first_of_day, visitor, visitor_recipe FROM clicks \
             WHERE workspace_id = $1 AND id >= $2 AND id < $3 AND visitor IN {}",
            places(4, visitors.len())
        );
        let values =
            [self.workspace.0.into(), from.into(), to.into()].into_iter().chain(visitors.into_iter().map(|key| key.as_str().into()));
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        let going: HashSet<Uuid> = going.iter().map(|row| row.id).collect();
        let mut next: HashMap<First, Row> = HashMap::new();
        for row in self.transaction.query_all_raw(statement).await? {
            let row = Row::from_query_result(&row, "")?;
            if going.contains(&row.id) || !row.is_counted() || !row.marks().has(Marks::TOLD) {
                continue;
            }
            for first in [row.link_id, WHOLE_WORKSPACE].into_iter().filter_map(|of| row.of_day(&self.zone, of)) {
                if firsts.contains(&first) && next.get(&first).is_none_or(|known| row.seq < known.seq) {
                    next.insert(first, row.clone());
                }
            }
        }
        Ok(next)
    }

    /// That somebody clicked on a link on a day of which nothing is left.
    async fn forget_visits<'a>(&self, gone: impl Iterator<Item = &'a First>) -> Result<(), StoreError> {
        let of_links = gone.filter(|(.., of)| *of != WHOLE_WORKSPACE);
        let row =
            |(day, visitor, _, link): &First| [day.0.into(), VisitorBytes::of(visitor).as_bytes().to_vec().into(), Value::from(*link)];
        let rows: Vec<[Value; 3]> = of_links.map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let places = places_of_rows(self.is_postgres(), 2, rows.len(), 3);
        let sql = format!("DELETE FROM visitor_days WHERE workspace_id = $1 AND (day, visitor, link_id) IN {places}");
        self.run(sql, rows.into_iter().flatten().collect()).await
    }

    /// Runs a statement whose first value is the workspace.
    pub(super) async fn run(&self, sql: String, values: Vec<Value>) -> Result<(), StoreError> {
        let values = std::iter::once(self.workspace.0.into()).chain(values);
        self.transaction.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        Ok(())
    }

    /// Reads by a statement whose first value is the workspace.
    pub(super) async fn query(&self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let values = std::iter::once(self.workspace.0.into()).chain(values);
        Ok(self.transaction.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?)
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }
}
