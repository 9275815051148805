//! What a workspace keeps of its visitors, as it is read and changed.

use async_graphql::{Enum, InputObject, MaybeUndefined, SimpleObject};
use domain::{Privacy as Settings, PrivacyChange, RetentionChange};

/// How much of a visitor's address is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::PrivacyLevel")]
pub enum PrivacyLevel {
    /// Neither the address nor its network.
    None,
    /// The network: /24 of IPv4, /48 of IPv6.
    Truncated,
    /// The address for at most seven days (`retention.addressesDays`), then its network.
    Full,
}

/// Whether visitors are asked before they are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ConsentMode")]
pub enum ConsentMode {
    /// Nobody is asked.
    None,
    /// Clicks without consent are only counted.
    Required,
}

/// What is kept of visitors. A change holds for clicks from then on.
#[derive(Clone, Debug, SimpleObject)]
pub struct Privacy {
    pub level: PrivacyLevel,
    /// The path of the page that the visitor came from; its host is kept either way.
    pub keep_referrer_path: bool,
    /// The user agent's text; what was read out of it is kept either way.
    pub keep_user_agent: bool,
    /// City and coordinates.
    pub keep_city: bool,
    pub keep_language: bool,
    /// Custom parameters of short URLs.
    pub keep_parameters: bool,
    /// The only custom parameters that are kept. Null keeps all.
    pub parameters: Option<Vec<String>>,
    /// Custom parameters that name no person: those are kept of visitors who object as well.
    pub impersonal_parameters: Vec<String>,
    /// Whether Do Not Track means what Global Privacy Control means.
    pub respect_dnt: bool,
    pub consent: ConsentMode,
    /// Who asks for consent, as visitors know them. Null where none is named: the page then speaks
    /// of whoever made the short link.
    pub controller: Option<String>,
    /// Where visitors who are asked can read what becomes of their data. Null where there is no such page.
    pub policy_url: Option<String>,
    /// Networks whose clicks are the workspace's own.
    pub own_networks: Vec<String>,
    pub retention: Retention,
}

/// For how long what is kept.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct Retention {
    /// Days for which single clicks are kept, and until the next midnight of the workspace's zone. Counts
    /// of clicks stay. Ids that visitors consented to go after 395 days in any case.
    pub clicks_days: i32,
    /// Days after which no address is left, where the level is FULL.
    pub addresses_days: i32,
    /// Days for which the audit log is kept.
    pub audit_days: i32,
}

/// What is to be another way; an absent field stays.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct RetentionInput {
    /// 1 to 3,650; 395 unless decided. With fewer days a worker begins to delete what is older within 20
    /// minutes, and nothing brings it back.
    clicks_days: Option<i32>,
    /// 1 to 7; 7 unless decided.
    addresses_days: Option<i32>,
    /// 30 to 3,650; 365 unless decided.
    audit_days: Option<i32>,
}

impl From<Settings> for Privacy {
    fn from(settings: Settings) -> Self {
        let Settings {
            level,
            keep,
            parameters,
            impersonal_parameters,
            respect_dnt,
            consent,
            controller,
            policy_url,
            own_networks,
            retention,
        } = settings;
        Self {
            level: level.into(),
            keep_referrer_path: keep.referrer_path,
            keep_user_agent: keep.user_agent,
            keep_city: keep.city,
            keep_language: keep.language,
            keep_parameters: keep.parameters,
            parameters,
            impersonal_parameters,
            respect_dnt,
            consent: consent.into(),
            controller,
            policy_url,
            own_networks: own_networks.iter().map(ToString::to_string).collect(),
            retention: Retention {
                clicks_days: retention.clicks_days,
                addresses_days: retention.addresses_days,
                audit_days: retention.audit_days,
            },
        }
    }
}

/// What is to be another way; an absent field stays.
#[derive(Clone, Debug, Default, InputObject)]
pub struct PrivacyInput {
    level: Option<PrivacyLevel>,
    keep_referrer_path: Option<bool>,
    keep_user_agent: Option<bool>,
    keep_city: Option<bool>,
    keep_language: Option<bool>,
    keep_parameters: Option<bool>,
    /// At most 50 names; null keeps all.
    parameters: MaybeUndefined<Vec<String>>,
    /// At most 50 names.
    impersonal_parameters: Option<Vec<String>>,
    respect_dnt: Option<bool>,
    consent: Option<ConsentMode>,
    /// At most 100 characters; null names nobody.
    controller: MaybeUndefined<String>,
    /// http or https; null for none.
    policy_url: MaybeUndefined<String>,
    /// At most 100 addresses or ranges.
    own_networks: Option<Vec<String>>,
    retention: Option<RetentionInput>,
}

impl From<PrivacyInput> for PrivacyChange {
    fn from(input: PrivacyInput) -> Self {
        let retention = input.retention.unwrap_or_default();
        Self {
            level: input.level.map(Into::into),
            keep_referrer_path: input.keep_referrer_path,
            keep_user_agent: input.keep_user_agent,
            keep_city: input.keep_city,
            keep_language: input.keep_language,
            keep_parameters: input.keep_parameters,
            parameters: nullable(input.parameters),
            impersonal_parameters: input.impersonal_parameters,
            respect_dnt: input.respect_dnt,
            consent: input.consent.map(Into::into),
            controller: nullable(input.controller),
            policy_url: nullable(input.policy_url),
            own_networks: input.own_networks,
            retention: RetentionChange {
                clicks_days: retention.clicks_days,
                addresses_days: retention.addresses_days,
                audit_days: retention.audit_days,
            },
        }
    }
}

pub(super) fn nullable<T>(field: MaybeUndefined<T>) -> Option<Option<T>> {
    match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
