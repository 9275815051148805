//! Records that cannot be stored, kept for a person to look at and replay.

use std::sync::Arc;

use domain::{LocalDay, Millis};
use entity::dead_letter::{ActiveModel, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;

use crate::{Access, Store, StoreError};

/// A record that is set aside.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The same for the same record, so that a second delivery makes no second letter.
    pub id: Uuid,
    pub frame: Arc<str>,
    /// Why, without the record's own text.
    pub reason: String,
    /// Without the visitor's address; empty where it cannot be told from the rest.
    pub record: Vec<u8>,
    pub sealed: Option<SealedRecord>,
    pub at: Millis,
}

/// The whole record, under the key of a day, which is destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRecord {
    /// Of UTC.
    pub day: LocalDay,
    pub text: String,
}

impl Store {
    /// # Errors
    /// When the database does not answer; then the same call completes it later.
    pub async fn set_aside(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let transaction = self.begin_as("linklogger_worker", "", Access::Write).await?;
        for letter in letters {
            let row = ActiveModel {
                id: Set(letter.id),
                frame_id: Set(letter.frame.to_string()),
                reason: Set(letter.reason.clone()),
                record: Set(letter.record.clone()),
                created_at: Set(letter.at.0),
                sealed: Set(letter.sealed.as_ref().map(|sealed| sealed.text.clone())),
                sealed_day: Set(letter.sealed.as_ref().map(|sealed| sealed.day.0)),
            };
            // Without the column's name, since the worker may not read it.
            let there = OnConflict::new().do_nothing().to_owned();
            Entity::insert(row).on_conflict(there).exec_without_returning(&transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}
