//! The rules of Link Logger as plain data and functions: ids, slugs, targets, accounts, links and
//! their rules, clicks, filters, dimensions, named periods and time buckets.
//!
//! Nothing here waits, reads a clock, draws a random number or knows a framework; whatever a rule
//! needs from outside is an argument.

mod account;
mod bucket;
mod click;
mod dimension;
mod filter;
mod gate;
mod id;
mod issue;
mod link;
mod loss;
mod millis;
mod period;
mod query;
mod report;
mod rules;
mod shard;
mod slug;
mod target;

pub use account::{Email, Password, Role, WorkspaceName, parse_time_zone, workspace_slug};
pub use bucket::{Bucket, BucketSpan, MAX_BUCKETS, Quarter, buckets, first_buckets};
pub use click::{
    CapturedClick, Click, ClickRule, Device, GeoPlace, Method, Outcome, Seq, UserAgentFacts, Verdict, VerdictReason, network_of,
};
pub use dimension::{Dimension, DimensionValue};
pub use filter::ClickFilter;
pub use gate::{ClickLimit, Gate, GateChange, PasswordHash, Timing};
pub use id::{ClickId, Entropy, IdError, KeyId, LinkId, LinkReportId, RuleId, SessionId, UserId, WorkspaceId};
pub use issue::{Invalid, Issue, IssueCode};
pub use link::{
    Link, LinkAbout, LinkAddress, LinkCard, LinkChange, LinkState, NewLink, RedirectStatus, ResolvedLink, parse_description,
    parse_external_id, parse_image_url, parse_link_password, parse_title,
};
pub use loss::{Loss, LossReason};
pub use millis::Millis;
pub use period::{AskedRange, Compare, Period};
pub use query::{Parameter, QR_MARKER, Utm, forward_query, parse_query, parse_utm, referrer_host};
pub use report::{LinkReport, NewLinkReport, ReportReason};
pub use rules::{
    Choice, Conditions, ConditionsDraft, Destination, Experiment, ExperimentKey, Fresh, ParameterCondition, Rule, RuleDraft, Rules,
    Variant, VariantDraft, Visitor, decide,
};
pub use shard::{SHARDS, Shard};
pub use slug::{GENERATED_SLUG_LENGTH, Slug};
pub use target::{MAX_TARGET_BYTES, ShortDomain, TargetUrl};
