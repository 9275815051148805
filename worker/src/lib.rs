//! Frames ▸ enriched, judged clicks ▸ store ▸ announcement.
//!
//! Nothing is acked before it is committed, nothing announced before that. Whatever fails for a
//! reason that may pass is tried again, un-acked, for ever.

mod neighbours;
mod pump;
mod reclassify;
mod salts;
mod upkeep;
mod visitors;

pub use pump::{Pump, WorkerParts};
pub use reclassify::{run_job, run_jobs, settled_before};
pub use salts::Salts;
pub use upkeep::{clean_permits, destroy_salts, keep_partitions};
