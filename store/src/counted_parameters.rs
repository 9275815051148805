//! Which query parameters a workspace has counted in cells, each in a block of its own from one local day on.
//!
//! A block is never given twice: what was counted of a parameter that is left out stays in cells, and clicks of that
//! time are counted in it still when they are read again. So those that were left out are remembered for as long as
//! such clicks are.

use domain::{Millis, Quarter};
use entity::workspace_head;
use jiff::tz::TimeZone;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::rollup::{CountedParameter, FIRST_PARAMETER, day_start};
use crate::{StoreError, WorkspaceScope};

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
        let text = serde_json::to_string(&parameters).map_err(|error| StoreError::Internal(error.to_string()))?;
        workspace_head::Entity::update_many()
            .col_expr(workspace_head::Column::CountedParameters, Expr::value(text))
            .filter(workspace_head::Column::WorkspaceId.eq(self.workspace.0))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
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
