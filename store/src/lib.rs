//! Every SQL statement of Link Logger, on SQLite and PostgreSQL.
//!
//! Rows of a tenant are reached through a [`WorkspaceScope`] only: it carries the workspace into
//! every statement, and on PostgreSQL puts the transaction under that workspace's policies in its
//! first statement. Rows of the installation (users, sessions, keys) and the look-ups before a
//! workspace is known are methods of [`Store`]. Clicks come in through [`Store::ingest`].

mod accounts;
mod annotations;
mod api_keys;
mod audit;
mod breakdown;
mod cells;
mod clicks;
mod cohorts;
mod connect;
mod conversions;
mod converted;
mod counts;
mod daily_uniques;
mod dead_letters;
mod domain_feed;
mod domain_proofs;
mod domains;
mod erase;
mod error;
mod explained;
mod export;
mod filter_sql;
mod gates;
mod grouped;
mod ingest;
mod ingest_counters;
mod ingest_settings;
mod jobs;
mod judged;
mod keys;
mod last_touch;
mod link_groups;
mod link_labels;
mod link_list;
mod link_outbox;
mod link_reports;
mod links;
mod live_visitors;
mod lookup;
mod migrate;
mod misses;
mod partitions;
mod permits;
mod plan;
mod policies;
mod policy_outbox;
mod rebuild;
mod recipients;
mod recount;
mod redirect_micros;
mod reduction;
mod removal;
mod retention;
mod rollup;
mod salts;
mod scope;
mod sessions;
mod unique_visitors;
mod verify;

pub use accounts::{Account, Membership, NewAccount, Workspace};
pub use annotations::{AnnotationFilter, AnnotationPage, AnnotationPlace, MAX_ANNOTATIONS};
pub use api_keys::{ApiKey, MAX_API_KEYS, NewApiKey};
pub use audit::AuditPage;
pub use breakdown::{Breakdown, BreakdownRequest, BreakdownRow};
pub use clicks::{ClickPage, PageRequest};
pub use cohorts::{AgedClicks, LinkAges, Returned};
pub use connect::Store;
pub use conversions::{
    Bounces, ConversionBreakdown, ConversionBreakdownRequest, ConversionDimension, ConversionQuestion, ConversionRow, ConversionTotals,
    Engaged, Engagement, Funnel, FunnelGroup, FunnelRequest, MOST_CONVERSIONS_OF_A_CLICK, Tracked,
};
pub use converted::{Campaigns, UtmField};
pub use counts::{Counts, Quarters, Series, Tally, Totals};
pub use dead_letters::{DeadLetter, SealedRecord};
pub use domain_feed::{DomainOutboxEntry, DueDomain};
pub use domain_proofs::Proof;
pub use domains::{MAX_DOMAINS, NewDomain};
pub use erase::{FreshSalt, KEPT_MILLIS, NewErasure, Step, Subject};
pub use error::{Conflict, StoreError};
pub use explained::DayMarks;
pub use export::{AnyLink, CellPlace, CellRow, Member};
pub use ingest::{Incoming, IngestReport, Ingested, Poison, Rejudged};
pub use ingest_counters::{LossPlace, LostClicks};
pub use ingest_settings::IngestSettings;
pub use jobs::MAX_EXPORTS;
pub use judged::{JudgedClicks, JudgedRange};
pub use keys::StoredKey;
pub use last_touch::{Credit, LastTouch, MAX_CREDITED, TOUCH_DAYS, Touch};
pub use link_groups::LinkGroup;
pub use link_labels::Shared;
pub use link_list::{LinkOrder, LinkOrderField, LinkPage, LinkPlace, LinkSelection, PlaceValue, Shelf};
pub use link_outbox::OutboxEntry;
pub use link_reports::LinkReportPage;
pub use live_visitors::LiveVisitors;
pub use migrate::migrate;
pub use misses::{IncomingMiss, MissCount, MissCountPlace, MissDifference, MissPage, MissReport, MissedSlug, MissesVerified};
pub use plan::Source;
pub use policies::NewSigningSecret;
pub use policy_outbox::{PolicyChange, PolicySubject};
pub use rebuild::Rebuilt;
pub use recipients::{RecipientClicks, RecipientList, RecipientRequest};
pub use redirect_micros::RedirectMicros;
pub use retention::{Forgotten, Keeping, Purged};
pub use salts::{Destroyed, Salt};
pub use scope::{Access, WorkspaceScope};
pub use sessions::{NewSession, Refresh, RefreshHash, RefreshOutcome, SessionState};
pub use verify::{CellDifference, Counted, Piece, Verified};
