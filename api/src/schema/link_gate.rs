//! What stands between a link and its target, as it is told.

use async_graphql::{ID, SimpleObject};
use domain::{ClickLimit, Destination, Gate, ParameterCondition, TargetUrl};

use super::click::Device;
use super::click_limit::ClickLimitMode;
use super::scalars::{CountryCode, DateTime, Url};

/// What stands between the link and its target.
#[derive(Clone, Debug, SimpleObject)]
pub struct LinkGate {
    /// Whether the link is switched off.
    pub disabled: bool,
    /// Null without a start.
    pub starts_at: Option<DateTime>,
    /// Null without an end.
    pub expires_at: Option<DateTime>,
    /// Null without one.
    pub fallback_url: Option<Url>,
    /// Null without a limit.
    pub click_limit: Option<u32>,
    /// How exactly a click limit holds, or would.
    pub click_limit_mode: ClickLimitMode,
    /// Whether visitors are asked for a password.
    pub password_protected: bool,
    pub rules: Vec<LinkRule>,
}

/// A rule of a link: the first whose conditions all hold decides where the visitor goes.
#[derive(Clone, Debug, SimpleObject)]
pub struct LinkRule {
    pub id: ID,
    pub name: String,
    pub conditions: RuleConditions,
    /// Null where the rule has variants.
    pub target_url: Option<Url>,
    /// Empty where the rule has a target of its own.
    pub variants: Vec<RuleVariant>,
}

/// All conditions given must hold; an empty list or null asks nothing.
#[derive(Clone, Debug, SimpleObject)]
pub struct RuleConditions {
    pub countries: Vec<CountryCode>,
    pub regions: Vec<String>,
    pub devices: Vec<Device>,
    pub os: Vec<String>,
    pub browsers: Vec<String>,
    pub languages: Vec<String>,
    pub parameters: Vec<RuleParameter>,
    pub ip_ranges: Vec<String>,
    /// Null without a beginning.
    pub from: Option<DateTime>,
    /// Null without an end.
    pub to: Option<DateTime>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RuleParameter {
    pub key: String,
    /// Empty where any value does.
    pub values: Vec<String>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RuleVariant {
    pub name: String,
    pub target_url: Url,
    pub weight: u32,
}

impl From<Gate> for LinkGate {
    fn from(gate: Gate) -> Self {
        Self {
            disabled: gate.disabled,
            starts_at: gate.starts_at.map(DateTime),
            expires_at: gate.expires_at.map(DateTime),
            fallback_url: gate.fallback.map(|target| Url(target.as_str().to_owned())),
            click_limit: gate.click_limit.map(ClickLimit::get),
            click_limit_mode: gate.limit_mode.into(),
            password_protected: gate.password.is_some(),
            rules: gate.rules.iter().map(Into::into).collect(),
        }
    }
}

impl From<&domain::Rule> for LinkRule {
    fn from(rule: &domain::Rule) -> Self {
        let url = |target: &TargetUrl| Url(target.as_str().to_owned());
        let (target_url, variants) = match &rule.destination {
            Destination::Target(target) => (Some(url(target)), Vec::new()),
            Destination::Variants(experiment) => (None, experiment.variants.clone()),
        };
        let variant =
            |variant: domain::Variant| RuleVariant { target_url: url(&variant.target), name: variant.name, weight: variant.weight };
        Self {
            id: rule.id.to_string().into(),
            name: rule.name.clone(),
            conditions: rule.conditions.clone().into(),
            target_url,
            variants: variants.into_iter().map(variant).collect(),
        }
    }
}

impl From<domain::Conditions> for RuleConditions {
    fn from(conditions: domain::Conditions) -> Self {
        let parameter = |parameter: ParameterCondition| RuleParameter { key: parameter.key, values: parameter.values };
        Self {
            countries: conditions.countries.into_iter().map(CountryCode).collect(),
            regions: conditions.regions,
            devices: conditions.devices.into_iter().map(Into::into).collect(),
            os: conditions.systems,
            browsers: conditions.browsers,
            languages: conditions.languages,
            parameters: conditions.parameters.into_iter().map(parameter).collect(),
            ip_ranges: conditions.ip_ranges.iter().map(ToString::to_string).collect(),
            from: conditions.from.map(DateTime),
            to: conditions.to.map(DateTime),
        }
    }
}
