//! A lane that stores nothing, for `benches/enrich.rs`: what a worker does with clicks but reading and storing them.

use std::time::{Duration, Instant};

use domain::Seq;
use platform::Metrics;
use store::{IngestReport, Ingested, StoreError};
use stream::Frame;

use crate::batch::Batch;
use crate::neighbours::Neighbours;
use crate::{Pump, WorkerParts};

#[derive(Debug)]
pub struct DryLane {
    pump: Pump,
    neighbours: Neighbours,
    head: Seq,
}

impl DryLane {
    pub fn new(parts: WorkerParts) -> Self {
        Self { pump: Pump::new(parts, &Metrics::default()), neighbours: Neighbours::default(), head: 0 }
    }

    /// How long it took to decode, enrich and judge the clicks of one workspace in a frame, and to settle them as if
    /// they were stored then.
    ///
    /// # Errors
    /// When the database does not answer, which is asked for settings and salts.
    pub async fn make(&mut self, frame: &Frame) -> Result<Duration, StoreError> {
        let parts = self.pump.parts();
        let now = parts.clock.now();
        let begun = Instant::now();
        let mut batch = Batch::default();
        batch.add(frame, now).map_err(|version| StoreError::Internal(format!("records of version {version}")))?;
        let (clicks, who) = self.pump.prepare(&batch.clicks, &mut self.neighbours, now).await?;
        let made = begun.elapsed();
        let Some(workspace) = clicks.first().map(|click| click.workspace) else { return Ok(made) };
        let (previous, head) = (self.head, self.head + clicks.len() as Seq);
        let stored = clicks.iter().map(|incoming| incoming.click.clone()).collect();
        let stored = vec![Ingested { workspace, previous, head, clicks: stored, erased: 0 }];
        let report = IngestReport { stored, ..IngestReport::default() };
        self.head = head;
        let begun = Instant::now();
        self.neighbours.settle(&parts.store, &clicks, &who, &report, now).await?;
        Ok(made + begun.elapsed())
    }
}
