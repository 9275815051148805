//! Records that cannot be stored, kept for a person to look at and try again: `linklogger dead-letters`.

use std::sync::Arc;

use domain::{LocalDay, Millis};
use entity::dead_letter::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::erase::ERASER;
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

    /// So many letters with ids above one, in the order of their ids; from the first on with none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn dead_letters_after(&self, after: Option<Uuid>, most: u64) -> Result<Vec<DeadLetter>, StoreError> {
        let transaction = self.begin_as(ERASER, "", Access::Read).await?;
        let mut query = Entity::find().order_by_asc(Column::Id).limit(most);
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after));
        }
        Ok(query.all(&transaction).await?.into_iter().map(DeadLetter::from).collect())
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn dead_letter(&self, id: Uuid) -> Result<DeadLetter, StoreError> {
        let transaction = self.begin_as(ERASER, "", Access::Read).await?;
        Entity::find_by_id(id).one(&transaction).await?.map(DeadLetter::from).ok_or(StoreError::NotFound)
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn remove_dead_letter(&self, id: Uuid) -> Result<(), StoreError> {
        let transaction = self.begin_as(ERASER, "", Access::Write).await?;
        if Entity::delete_by_id(id).exec(&transaction).await?.rows_affected == 0 {
            return Err(StoreError::NotFound);
        }
        Ok(transaction.commit().await?)
    }
}

impl From<Model> for DeadLetter {
    fn from(row: Model) -> Self {
        let sealed = row.sealed.zip(row.sealed_day).map(|(text, day)| SealedRecord { day: LocalDay(day), text });
        Self { id: row.id, frame: row.frame_id.into(), reason: row.reason, record: row.record, sealed, at: Millis(row.created_at) }
    }
}
