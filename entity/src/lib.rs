//! SeaORM rows, one file per table, and nothing else. What they mean is documented in `domain`;
//! how they come to be is `migration`'s.

pub mod click;
pub mod dead_letter;
pub mod ingest_counter;
pub mod link;
pub mod link_outbox;
pub mod link_permit;
pub mod link_report;
pub mod link_slug;
pub mod link_stat;
pub mod membership;
pub mod refresh_token;
pub mod rollup_cell;
pub mod session;
pub mod signing_key;
pub mod user;
pub mod workspace;
pub mod workspace_head;
