//! Which query parameters a workspace has counted in cells, each in a block of its own from one local day on.
//!
//! A block is never given twice: what was counted of a parameter that is left out stays in cells, and clicks of that
//! time are counted in it still when they are read again, until its last day is over. From then on nobody reads the
//! block: a worker has it counted no more and forgets its texts, and what cells have of it are numbers without meaning.

use domain::{Millis, Quarter, WorkspaceId};
use entity::{rollup_value, workspace_head};
use jiff::tz::TimeZone;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::erase::forget_blocks;
use crate::rollup::{CountedParameter, FIRST_PARAMETER, day_start};
use crate::{Access, Store, StoreError, WorkspaceScope};

/// A parameter that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterCounted {
    pub key: String,
    /// The beginning of the first day that is.
    pub since: Millis,
}

/// Those that were left out included.
const MOST_REMEMBERED: usize = 200;
/// Before a day begins, so that every click of it is counted under the same parameters.
const NOTICE_MILLIS: i64 = 15 * 60_000;
/// In quarters, and less than two days.
const LONGEST_DAY: i64 = 30 * 4;

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn counted_parameters(&self) -> Result<Vec<ParameterCounted>, StoreError> {
        Ok(told(&read(&self.counting_head(false).await?.counted_parameters)?))
    }

    /// The same, and nobody else changes them or counts clicks until this scope ends. To be asked before anything
    /// else is locked, as whoever stores clicks does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lock_counted_parameters(&self) -> Result<Vec<ParameterCounted>, StoreError> {
        Ok(told(&read(&self.counting_head(true).await?.counted_parameters)?))
    }

    /// Has these counted, from the next day on that begins in a quarter-hour or later; others until then. They must
    /// be locked.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] where they were changed too often for the clicks that are kept.
    pub async fn set_counted_parameters(&self, names: &[String], now: Millis) -> Result<(), StoreError> {
        let head = self.counting_head(true).await?;
        let mut parameters = read(&head.counted_parameters)?;
        change(&mut parameters, names, next_day(now.plus(NOTICE_MILLIS), &head.zone()), Quarter::of(head.kept_from()).0);
        if parameters.len() > MOST_REMEMBERED {
            return Err(StoreError::TooMany);
        }
        self.write_parameters(&parameters).await
    }

    async fn write_parameters(&self, parameters: &[CountedParameter]) -> Result<(), StoreError> {
        let text = serde_json::to_string(parameters).map_err(|error| StoreError::Internal(error.to_string()))?;
        workspace_head::Entity::update_many()
            .col_expr(workspace_head::Column::CountedParameters, Expr::value(text))
            .filter(workspace_head::Column::WorkspaceId.eq(self.workspace.0))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    async fn has_values(&self, blocks: &[u32]) -> Result<bool, StoreError> {
        use rollup_value::Column;
        let values = rollup_value::Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0));
        let of_blocks = values.filter(Column::Block.is_in(blocks.iter().map(|block| block.cast_signed())));
        Ok(of_blocks.one(&self.transaction).await?.is_some())
    }
}

impl Store {
    /// Forgets the values of parameters that were counted until before `now`; whether there were any.
    ///
    /// # Errors
    /// When the database does not answer. [`StoreError::NotFound`].
    pub async fn forget_uncounted(&self, workspace: WorkspaceId, now: Millis) -> Result<bool, StoreError> {
        // The lock is for whoever has something to forget.
        let scope = self.workspace(workspace, Access::Read).await?;
        let parameters = read(&scope.counting_head(false).await?.counted_parameters)?;
        if !has_ended(&parameters, now) && !scope.has_values(&unread(&parameters)).await? {
            return Ok(false);
        }
        drop(scope);
        let scope = self.as_eraser(workspace).await?;
        let Some(head) = scope.open_head().await? else { return Ok(false) };
        let mut parameters = read(&head.counted_parameters)?;
        let has_ended = has_ended(&parameters, now);
        end(&mut parameters, now);
        if has_ended {
            scope.write_parameters(&parameters).await?;
        }
        let had_values = forget_blocks(&scope.transaction, workspace, &unread(&parameters)).await?;
        scope.commit().await?;
        Ok(has_ended || had_values)
    }
}

/// Whether it was counted and is no more.
fn is_past(parameter: &CountedParameter, now: Millis) -> bool {
    parameter.is_read() && parameter.until.is_some_and(|until| until <= Quarter::of(now).0)
}

fn has_ended(parameters: &[CountedParameter], now: Millis) -> bool {
    parameters.iter().any(|parameter| is_past(parameter, now))
}

/// Has those counted no more whose last day is over.
fn end(parameters: &mut [CountedParameter], now: Millis) {
    for parameter in parameters.iter_mut().filter(|parameter| is_past(parameter, now)) {
        parameter.until = Some(parameter.since);
    }
}

/// Blocks that were given and are not counted.
fn unread(parameters: &[CountedParameter]) -> Vec<u32> {
    let last = parameters.iter().map(|parameter| parameter.block).max();
    let is_read = |block: &u32| parameters.iter().any(|of| of.block == *block && of.is_read());
    (FIRST_PARAMETER..=last.unwrap_or_default()).filter(|block| !is_read(block)).collect()
}

fn read(text: &str) -> Result<Vec<CountedParameter>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Internal("the parameters that are counted cannot be read".into()))
}

fn told(parameters: &[CountedParameter]) -> Vec<ParameterCounted> {
    let counted = parameters.iter().filter(|parameter| parameter.until.is_none());
    counted.map(|parameter| ParameterCounted { key: parameter.key.clone(), since: Quarter(parameter.since).start() }).collect()
}

/// The quarter that the next day begins with.
fn next_day(at: Millis, zone: &TimeZone) -> i64 {
    day_start(Quarter(day_start(at, zone).0 + LONGEST_DAY).start(), zone).0
}

/// `day` is the next one's first quarter, `kept_from` the one from which on there are clicks.
fn change(parameters: &mut Vec<CountedParameter>, names: &[String], day: i64, kept_from: i64) {
    for parameter in parameters.iter_mut().filter(|parameter| parameter.until.is_none() && !names.contains(&parameter.key)) {
        parameter.until = Some(day);
    }
    let mut next = parameters.iter().map(|parameter| parameter.block + 1).max().unwrap_or(FIRST_PARAMETER);
    for name in names {
        let known = parameters.iter_mut().find(|known| known.key == *name && known.until.is_none_or(|until| until >= day));
        match known {
            Some(known) => known.until = None,
            None => {
                parameters.push(CountedParameter { key: name.clone(), block: next, since: day, until: None });
                next += 1;
            }
        }
    }
    // The last one says which blocks were given.
    let last = next.saturating_sub(1);
    let is_over = |parameter: &CountedParameter| parameter.until.is_some_and(|until| until <= parameter.since || until <= kept_from);
    parameters.retain(|parameter| parameter.block == last || !is_over(parameter));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn of(key: &str, block: u32, since: i64, until: Option<i64>) -> CountedParameter {
        CountedParameter { key: key.into(), block, since, until }
    }

    #[test]
    fn blocks_are_given_once() {
        let mut parameters = Vec::new();
        change(&mut parameters, &names(&["a", "b"]), 96, 0);
        assert_eq!(parameters, [of("a", 64, 96, None), of("b", 65, 96, None)]);
        change(&mut parameters, &names(&["b"]), 192, 0);
        assert_eq!(parameters, [of("a", 64, 96, Some(192)), of("b", 65, 96, None)]);
        // It was still counted.
        change(&mut parameters, &names(&["a", "b"]), 192, 0);
        assert_eq!(parameters, [of("a", 64, 96, None), of("b", 65, 96, None)]);
        change(&mut parameters, &names(&["b"]), 192, 0);
        change(&mut parameters, &names(&["a", "b"]), 288, 0);
        assert_eq!(parameters, [of("a", 64, 96, Some(192)), of("b", 65, 96, None), of("a", 66, 288, None)]);
        // What never began is forgotten, but for the last block.
        change(&mut parameters, &names(&["c", "d"]), 288, 0);
        assert_eq!(parameters.last(), Some(&of("d", 68, 288, None)));
        assert!(!parameters.iter().any(|parameter| parameter.block == 66));
        change(&mut parameters, &[], 288, 0);
        assert_eq!(parameters.last(), Some(&of("d", 68, 288, Some(288))));
        change(&mut parameters, &names(&["e"]), 960, 500);
        assert_eq!(parameters, [of("e", 69, 960, None)]);
    }
}
