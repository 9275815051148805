//! Why a transaction that stores records did not happen, and what is tried then: a record that the database refuses is
//! found by halving, so that it is set aside alone; anything else leaves no trace and is for the caller to repeat.

use sea_orm::{DbErr, RuntimeErr};

use crate::StoreError;
use crate::error::is_data_error;

#[derive(Debug)]
pub(crate) enum Failure {
    /// Some record is at fault.
    Data(String),
    Other(StoreError),
}

impl Failure {
    fn of(data: bool, error: StoreError) -> Self {
        match error {
            StoreError::Internal(reason) if data => Self::Data(reason),
            other => Self::Other(other),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::of(is_data_error(&error), error.into())
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        let data = match &error {
            DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => is_data_error(error),
            _ => false,
        };
        Self::of(data, error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Data(reason) => Self::Internal(reason),
            Failure::Other(error) => error,
        }
    }
}

/// The parts of a batch that are still to be stored; the earliest comes next.
#[derive(Debug)]
pub(crate) struct Parts<'a, T>(Vec<&'a [T]>);

impl<'a, T> Parts<'a, T> {
    pub fn of(batch: &'a [T]) -> Self {
        Self(vec![batch])
    }

    /// Has a part tried once more.
    pub fn again(&mut self, part: &'a [T]) {
        self.0.push(part);
    }

    pub fn next(&mut self) -> Option<&'a [T]> {
        self.0.pop()
    }

    /// The record at fault, where the part that was not stored is that alone; otherwise its halves are to be stored.
    ///
    /// # Errors
    /// Where no record is at fault.
    pub fn refused(&mut self, part: &'a [T], failure: Failure) -> Result<Option<(&'a T, String)>, StoreError> {
        match (failure, part) {
            (Failure::Data(reason), [record]) => Ok(Some((record, reason))),
            (Failure::Data(_), [_, ..]) => {
                let (first, second) = part.split_at(part.len() / 2);
                self.0.extend([second, first]);
                Ok(None)
            }
            (failure, _) => Err(failure.into()),
        }
    }
}
