//! The marker that says whether the bucket holds every link. It names the bucket by the time it
//! was made, so that one made anew while it was being filled is not taken for full.

use async_nats::jetstream::kv::Entry;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{BUCKET, LinkSnapshot, broker, in_time};
use crate::StreamError;

/// Whether every link was written.
pub(super) const FILLED: &str = "meta.filled";
/// Whether every API key and workspace was: buckets that an older program has filled hold none.
pub(super) const POLICIES: &str = "meta.policies";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    /// When the bucket was made, in nanoseconds since 1970.
    bucket: i64,
    filled: bool,
}

/// A filling that was begun.
#[derive(Debug)]
pub struct Filling {
    key: &'static str,
    marker: Marker,
    revision: u64,
}

impl LinkSnapshot {
    /// Whether every link was written to the bucket once, as far as its readers can tell.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker or the bucket is away.
    pub async fn is_filled(&self) -> Result<bool, StreamError> {
        self.is_filled_with(FILLED).await
    }

    pub(super) async fn is_filled_with(&self, key: &'static str) -> Result<bool, StreamError> {
        Ok(self.entry(key).await?.is_some_and(|entry| read(&entry).is_some_and(|marker| marker.filled)))
    }

    /// Makes the bucket unless it is there, and begins to fill it with links; `None` when it has
    /// them all.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker is away or refuses.
    pub async fn begin_filling(&self) -> Result<Option<Filling>, StreamError> {
        self.begin_filling_with(FILLED).await
    }

    /// The same for API keys and workspaces.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker is away or refuses.
    pub async fn begin_filling_policies(&self) -> Result<Option<Filling>, StreamError> {
        self.begin_filling_with(POLICIES).await
    }

    async fn begin_filling_with(&self, key: &'static str) -> Result<Option<Filling>, StreamError> {
        self.ensure().await?;
        let bucket = self.made_at().await?;
        loop {
            let stored = self.entry(key).await?;
            let marker = stored.as_ref().and_then(read).filter(|marker| marker.bucket == bucket);
            match (marker, &stored) {
                (Some(marker), _) if marker.filled => return Ok(None),
                // Whoever is first at the end says so for all who began.
                (Some(marker), Some(entry)) => return Ok(Some(Filling { key, marker, revision: entry.revision })),
                _ => {}
            }
            let marker = Marker { bucket, filled: false };
            self.write(key, text(&marker)?, stored.map_or(0, |entry| entry.revision)).await?;
        }
    }

    /// Says that the bucket has them all, if it is still the one whose filling was begun. False when
    /// it is not, or somebody else has said so.
    ///
    /// # Errors
    /// [`StreamError::Broker`] when the broker or the bucket is away.
    pub async fn finish_filling(&self, filling: Filling) -> Result<bool, StreamError> {
        if self.made_at().await? != filling.marker.bucket {
            return Ok(false);
        }
        let marker = Marker { filled: true, ..filling.marker };
        self.write(filling.key, text(&marker)?, filling.revision).await
    }

    /// When the bucket was made: another one has another time.
    pub(super) async fn made_at(&self) -> Result<i64, StreamError> {
        let stream = in_time(self.nats.jetstream.get_stream(format!("KV_{BUCKET}"))).await?.map_err(|error| broker(&error))?;
        i64::try_from(stream.cached_info().created.unix_timestamp_nanos()).map_err(|error| broker(&error))
    }
}

fn read(entry: &Entry) -> Option<Marker> {
    serde_json::from_slice(&entry.value).ok()
}

fn text(marker: &Marker) -> Result<Bytes, StreamError> {
    Ok(serde_json::to_vec(marker).map_err(|error| broker(&error))?.into())
}
