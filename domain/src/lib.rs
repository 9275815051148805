//! The rules of Link Logger as plain data and functions: ids, slugs, targets, accounts, links and
//! their rules, clicks, filters, dimensions, named periods and time buckets.
//!
//! Nothing here waits, reads a clock, draws a random number or knows a framework; whatever a rule
//! needs from outside is an argument.

mod account;
mod aligned;
mod annotation;
mod api_key;
mod audit;
mod bucket;
mod channel;
mod click;
mod click_parameter;
mod click_properties;
mod coded;
mod cohort;
mod consent;
mod conversion;
mod counted_parameter;
mod currency;
mod custom_domain;
mod dimension;
mod experiment;
mod filter;
mod gate;
mod host;
mod id;
mod issue;
mod job;
mod judged;
mod lift;
mod link;
mod link_labels;
mod logged;
mod loss;
mod millis;
mod miss;
mod network;
mod one_dimension;
mod own_hosts;
mod path;
mod period;
mod permit;
mod policy;
mod privacy;
mod privacy_change;
mod query;
mod query_cut;
mod recipient;
mod report;
mod retention;
mod rules;
mod shard;
mod signals;
mod signed;
mod slug;
mod target;
mod verdict;
mod visitor_day;
mod week_hour;

pub use account::{Email, Password, Role, WorkspaceName, parse_time_zone, workspace_slug};
pub use annotation::{Annotation, AnnotationChange, AnnotationKind};
pub use api_key::{
    ApiKeyHash, ApiKeyRight, ApiKeyState, ApiScope, PresentedKey, compose_api_key, is_api_key, parse_key_name, parse_key_networks,
    read_api_key,
};
pub use audit::{AuditActor, AuditEntry};
pub use bucket::{Bucket, BucketSpan, MAX_BUCKETS, Quarter, buckets, first_buckets};
pub use channel::Channel;
pub use click::{
    Address, AutonomousSystem, CapturedClick, Click, ClickRule, Device, GeoPlace, JudgedAgent, Method, Outcome, ReducedAddress, Seq,
    UserAgentFacts, VisitorKey, network_of,
};
pub use click_parameter::{CLICK_PARAMETER, with_click_id};
pub use click_properties::{ClickProperties, LinkTraits, MetadataChoice, ParameterChoice};
pub use cohort::{CohortPeriod, MAX_AGE_COHORTS, MAX_AGE_DAYS, MAX_RETENTION_PERIODS, last_periods};
pub use consent::{
    CONSENT_PARAMETER, MAX_CONSENT_HOURS, SignedConsent, consent_to_sign, is_consented_id, is_signed_consent, signed_consent,
};
pub use conversion::{
    AttributionDays, Conversion, ConversionDraft, ConversionSource, MAX_FUNNEL_STEPS, NewConversion, parse_conversion_name,
    parse_funnel_steps,
};
pub use counted_parameter::{MAX_COUNTED_PARAMETERS, check_counted_parameters};
pub use currency::{Currency, MAX_AMOUNT, Money};
pub use custom_domain::{
    CustomDomain, DomainSettings, DomainSettingsChange, DomainState, DomainStatus, Lapse, MAX_ROBOTS_BYTES, MAX_WELL_KNOWN_BYTES,
    ServedDomain, parse_robots, parse_well_known,
};
pub use dimension::{Dimension, DimensionValue};
pub use experiment::{
    ALPHA, Comparison, Difference, ExperimentResult, ExperimentStatus, Interval, MINIMUM_CONVERSIONS, MINIMUM_EXPOSURES, MISMATCH_ALPHA,
    Tried, TriedVariant, VariantResult, experiment_result, is_mismatch, probabilities_to_be_best, rate_interval,
};
pub use filter::ClickFilter;
pub use gate::{ClickLimit, Gate, GateChange, LimitMode, PasswordHash, Timing};
pub use host::HostName;
pub use id::{
    AnnotationId, ApiKeyId, AuditId, ClickId, DomainId, Entropy, ErasureId, IdError, JobId, KeyId, LeaseId, LinkId, LinkReportId, MissId,
    RecipientListId, RuleId, SessionId, UserId, WorkspaceId,
};
pub use issue::{Invalid, Issue, IssueCode};
pub use jiff::civil::Weekday;
pub use job::{Job, JobKind, JobStatus};
pub use judged::{Derived, JudgedClick};
pub use lift::{Lift, MINIMUM_FOR_LIFT, lift};
pub use link::{
    Link, LinkAbout, LinkAddress, LinkCard, LinkChange, LinkDomain, LinkKind, LinkState, NewLink, RedirectStatus, ResolvedLink,
    parse_description, parse_external_id, parse_image_url, parse_link_password, parse_title,
};
pub use link_labels::{Folder, LinkLabels, LinkLabelsChange, Metadata, MetadataValue, Tag, parse_tags};
pub use logged::{LOG_PATH, LogDraft, Logged, VisitorFacts};
pub use loss::{Loss, LossReason};
pub use millis::Millis;
pub use miss::{CapturedMiss, Miss, MissFilter};
pub use network::parse_click_network;
pub use one_dimension::OneDimension;
pub use own_hosts::OwnHosts;
pub use path::plain_path;
pub use period::{AskedRange, Compare, Period};
pub use permit::{PermitLease, Wanted};
pub use policy::{ReferrerPolicy, SealedSecret, WorkspacePolicy, signing_purpose};
pub use privacy::{ConsentMode, KeptFields, Privacy, PrivacyLevel};
pub use privacy_change::PrivacyChange;
pub use query::{
    Parameter, QR_MARKER, Utm, forward_query, host_of_referrer, meant_name, parameter_names, parse_form, parse_query, parse_utm,
    referrer_host,
};
pub use query_cut::{names_to_drop, without_parameters, without_values};
pub use recipient::{
    MAX_RECIPIENT_LISTS, MAX_RECIPIENTS, MAX_RECIPIENTS_AT_ONCE, RecipientImport, RecipientParameter, is_recipient, parse_recipients,
};
pub use report::{LinkReport, NewLinkReport, ReportReason};
pub use retention::{Retention, RetentionChange};
pub use rules::{
    Choice, Conditions, ConditionsDraft, Destination, Experiment, ExperimentKey, Fresh, ParameterCondition, Rule, RuleDraft, Rules,
    Variant, VariantDraft, Visitor, decide, parse_country,
};
pub use shard::{SHARDS, Shard};
pub use signals::{ClientHints, Consent, SignalSet, Signals};
pub use signed::{MAX_SIGNED_DAYS, NotSigned, SIGNED_PATH, SignedRequest, check_signed_end, signed_url, text_to_sign};
pub use slug::{GENERATED_SLUG_LENGTH, Slug};
pub use target::{MAX_TARGET_BYTES, ShortDomain, TargetUrl};
pub use verdict::{Verdict, VerdictReason};
pub use visitor_day::{DaySalt, LocalDay, SaltOfDay};
pub use week_hour::WeekHour;
