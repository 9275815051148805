//! Frames ▸ enriched, judged clicks ▸ store ▸ announcement; and misses ▸ store.
//!
//! Nothing is acked before it is committed, nothing announced before that. Whatever fails for a
//! reason that may pass is tried again, un-acked, for ever.

mod batch;
mod dry_lane;
mod letters;
mod misses;
mod neighbours;
mod pump;
mod reclassify;
mod retention;
mod retry;
mod rights;
mod rollups;
mod salts;
mod upkeep;
mod visitors;

#[doc(hidden)]
pub use dry_lane::DryLane;
pub use letters::Letters;
pub use pump::{Pump, WorkerParts};
pub use reclassify::{run_job, run_jobs, settled_before};
pub use retention::{Purge, Round};
pub use retry::Retried;
pub use rights::carry_out_rights;
pub use rollups::{RollupRound, RollupUpkeep};
pub use salts::Salts;
pub use upkeep::{clean_permits, destroy_salts, keep_partitions};
