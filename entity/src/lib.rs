//! SeaORM rows, one file per table, and nothing else. What they mean is documented in `domain`;
//! how they come to be is `migration`'s.

pub mod api_key;
pub mod audit_entry;
pub mod click;
pub mod dead_letter;
pub mod domain;
pub mod domain_outbox;
pub mod host_quarantine;
pub mod ingest_counter;
pub mod job;
pub mod link;
pub mod link_lease;
pub mod link_outbox;
pub mod link_permit;
pub mod link_report;
pub mod link_slug;
pub mod link_stat;
pub mod membership;
pub mod policy_outbox;
pub mod refresh_token;
pub mod rollup_cell;
pub mod session;
pub mod signing_key;
pub mod signing_secret;
pub mod user;
pub mod workspace;
pub mod workspace_head;
