//! A dead letter tried again, once what kept its click or miss from being stored is mended.

use domain::{CapturedMiss, Millis};
use store::{DeadLetter, StoreError};
use stream::Captured;

use crate::batch::{Batch, Decoded};
use crate::letters::Letters;
use crate::misses::DecodedMiss;
use crate::neighbours::Neighbours;
use crate::pump::{Pump, Stored};

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    Stored,
    /// It had been stored otherwise.
    StoredBefore,
    /// Its workspace does not keep it: it came too late, or is erased.
    NotKept,
    /// The database refuses it still.
    Refused(String),
    /// It cannot be read, or not any more.
    Unreadable(String),
}

impl Retried {
    /// Whether the letter is of no use any more.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Stored | Self::StoredBefore | Self::NotKept)
    }
}

impl Pump {
    /// Stores a letter's click or miss as any other: judged by the rules and enriched from the databases of today,
    /// its visitor told and its address kept only where both still may be. The letter stays.
    ///
    /// # Errors
    /// When the database does not answer; the click may be stored then, and the same call says so.
    pub async fn retry(&self, letter: &DeadLetter) -> Result<Retried, StoreError> {
        let (parts, now) = (self.parts(), self.parts().clock.now());
        let record = Letters::new(parts.salts.clone(), parts.rng.clone()).open(letter, now).await?;
        if record.is_empty() {
            return Ok(Retried::Unreadable("the key of its day is destroyed".to_owned()));
        }
        let captured = match stream::decode_captured(&record) {
            Ok(Captured::Click(captured)) => *captured,
            Ok(Captured::Miss(captured)) => return self.retry_miss(captured, record, letter, now).await,
            Err(error) => return Ok(Retried::Unreadable(error.to_string())),
        };
        let batch = Batch { clicks: vec![Decoded { captured, record: record.into(), frame: letter.frame.clone() }], ..Batch::default() };
        let mut neighbours = Neighbours::default();
        let Stored { clicks, who, report, .. } = self.ingest(&batch, &mut neighbours, now).await?;
        if let Some(poison) = report.poison.first() {
            return Ok(Retried::Refused(poison.reason.clone()));
        }
        neighbours.settle(&parts.store, &clicks, &who, &report, now).await?;
        Ok(match (report.stored.is_empty(), report.duplicates) {
            (false, _) => Retried::Stored,
            (true, 0) => Retried::NotKept,
            (true, _) => Retried::StoredBefore,
        })
    }

    async fn retry_miss(&self, captured: CapturedMiss, record: Vec<u8>, letter: &DeadLetter, now: Millis) -> Result<Retried, StoreError> {
        let miss = DecodedMiss { captured, record: record.into(), frame: letter.frame.clone() };
        let report = self.ingest_misses(&[miss], now).await?;
        if let Some(poison) = report.poison.first() {
            return Ok(Retried::Refused(poison.reason.clone()));
        }
        Ok(match (report.stored, report.duplicates) {
            (0, 0) => Retried::NotKept,
            (0, _) => Retried::StoredBefore,
            _ => Retried::Stored,
        })
    }
}
