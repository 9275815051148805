//! What shall stand between a link and its target: the input, checked.

use async_graphql::{ID, InputObject, MaybeUndefined};
use domain::{
    ClickLimit, ConditionsDraft, ExperimentKey, Fresh, Gate, GateChange, Invalid, OwnHosts, ParameterCondition, PasswordHash, RuleDraft,
    RuleId, Rules, TargetUrl, VariantDraft, parse_link_password,
};

use super::click::Device;
use super::click_limit::ClickLimitMode;
use super::context::Services;
use super::error::ApiError;
use super::scalars::{CountryCode, DateTime};

/// In an update an absent field stays, null clears it.
#[derive(InputObject)]
pub struct LinkGateInput {
    /// Switches the link off. Default: false.
    disabled: MaybeUndefined<bool>,
    /// The first instant at which the link leads on; before it visitors get `fallbackUrl`, or a page.
    starts_at: MaybeUndefined<DateTime>,
    /// The first instant at which it no longer does; from it on visitors get `fallbackUrl`, or a page.
    expires_at: MaybeUndefined<DateTime>,
    /// Where visitors are sent outside the schedule and above the click limit.
    fallback_url: MaybeUndefined<String>,
    /// How often the link leads on at most, 1 to 1,000,000,000, counted from when it first had a
    /// limit; one that was taken away for 90 days begins anew. `clickLimitMode` says how exactly it
    /// holds. Requests that say of themselves that no person sent them are not counted, and are led on
    /// only while the limit is not reached.
    click_limit: MaybeUndefined<i32>,
    /// Default: STRICT.
    click_limit_mode: MaybeUndefined<ClickLimitMode>,
    /// What visitors must type, 4 to 128 characters. It is kept as a hash only.
    password: MaybeUndefined<String>,
    /// Ordered, the first whose conditions all hold decides; at most 50. They replace all the link
    /// has; a rule that stays must carry its id.
    rules: MaybeUndefined<Vec<LinkRuleInput>>,
}

#[derive(InputObject)]
pub struct LinkRuleInput {
    /// The id of a rule that the link has. Left out, a new rule is made.
    id: Option<ID>,
    /// At most 80 characters. Default: "Rule" and its number.
    name: Option<String>,
    /// Without any the rule always holds.
    conditions: Option<RuleConditionsInput>,
    /// Where the rule leads, unless it has variants.
    target_url: Option<String>,
    /// At most 20 that share the rule's visitors by weight, without a cookie: the same network and
    /// user agent meet the same variant for as long as the weights stay.
    variants: Option<Vec<RuleVariantInput>>,
}

/// All conditions given must hold; within one any value does. At most 20 values in each; an empty
/// list is as good as none.
#[derive(Default, InputObject)]
pub struct RuleConditionsInput {
    countries: Option<Vec<CountryCode>>,
    /// As clicks have them: ISO 3166-2 where known.
    regions: Option<Vec<String>>,
    devices: Option<Vec<Device>>,
    /// As clicks have them, without regard to case.
    os: Option<Vec<String>>,
    /// As clicks have them, without regard to case.
    browsers: Option<Vec<String>>,
    /// The visitor's first language, such as de.
    languages: Option<Vec<String>>,
    /// Query parameters of the short URL. Each key is a condition of its own.
    parameters: Option<Vec<RuleParameterInput>>,
    /// Addresses and networks, such as 203.0.113.0/24.
    ip_ranges: Option<Vec<String>>,
    /// First instant included.
    from: Option<DateTime>,
    /// First instant no longer included.
    to: Option<DateTime>,
}

#[derive(InputObject)]
pub struct RuleParameterInput {
    key: String,
    /// Left out, any value does.
    values: Option<Vec<String>>,
}

#[derive(InputObject)]
pub struct RuleVariantInput {
    /// At most 80 characters, unique in its rule.
    name: String,
    target_url: String,
    /// 0 to 10,000; not all 0.
    weight: i32,
}

impl LinkGateInput {
    /// Whether checking it takes the gate that is stored.
    pub(super) fn depends_on_stored(&self) -> bool {
        !self.starts_at.is_undefined() || !self.expires_at.is_undefined() || self.rules.is_value()
    }

    /// Checks the input against what is stored. The password is only checked here, and hashed where the link is saved.
    pub(super) fn check(&self, services: &Services, own: OwnHosts<'_>, stored: &Gate, invalid: &mut Invalid) -> GateChange {
        let change = GateChange {
            disabled: defined(&self.disabled, |disabled| Some(*disabled)).map(Option::unwrap_or_default),
            starts_at: defined(&self.starts_at, |at| Some(at.0)),
            expires_at: defined(&self.expires_at, |at| Some(at.0)),
            fallback: defined(&self.fallback_url, |url| invalid.check(TargetUrl::parse("fallbackUrl", url, own))),
            click_limit: defined(&self.click_limit, |limit| invalid.check(ClickLimit::parse((*limit).into()))),
            limit_mode: defined(&self.click_limit_mode, |mode| Some((*mode).into())).map(Option::unwrap_or_default),
            password: None,
            rules: match &self.rules {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(Rules::default()),
                MaybeUndefined::Value(rules) => Some(parse_rules(services, own, rules, &stored.rules, invalid)),
            },
        };
        if let MaybeUndefined::Value(password) = &self.password {
            invalid.check(parse_link_password(password));
        }
        if !self.starts_at.is_undefined() || !self.expires_at.is_undefined() {
            invalid.check(stored.clone().with(change.clone()).check_schedule());
        }
        change
    }

    /// The password's change; hashing takes long, so it is done when everything else is right.
    pub(super) async fn hashed(&self, services: &Services) -> Result<Option<Option<PasswordHash>>, ApiError> {
        match &self.password {
            MaybeUndefined::Undefined => Ok(None),
            MaybeUndefined::Null => Ok(Some(None)),
            MaybeUndefined::Value(password) => {
                let hash = services.passwords.hash(parse_link_password(password)?).await.map_err(ApiError::Internal)?;
                Ok(Some(Some(PasswordHash(hash))))
            }
        }
    }
}

/// `None` for what is absent, `Some(None)` for null and for what was refused.
fn defined<T, U>(value: &MaybeUndefined<T>, read: impl FnOnce(&T) -> Option<U>) -> Option<Option<U>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(read(value)),
    }
}

fn parse_rules(services: &Services, own: OwnHosts<'_>, rules: &[LinkRuleInput], stored: &Rules, invalid: &mut Invalid) -> Rules {
    let fresh = || Fresh { id: RuleId::new(services.clock.now(), services.rng.entropy()), key: ExperimentKey(services.rng.bytes()) };
    match Rules::parse(rules.iter().map(draft).collect(), own, stored, fresh) {
        Ok(rules) => rules,
        Err(offences) => {
            invalid.0.extend(offences.0);
            Rules::default()
        }
    }
}

fn draft(rule: &LinkRuleInput) -> RuleDraft {
    let variant = |variant: &RuleVariantInput| VariantDraft {
        name: variant.name.clone(),
        target: variant.target_url.clone(),
        weight: variant.weight.into(),
    };
    RuleDraft {
        id: rule.id.as_ref().map(|id| id.to_string()),
        name: rule.name.clone(),
        conditions: rule.conditions.as_ref().map(conditions).unwrap_or_default(),
        target: rule.target_url.clone(),
        variants: rule.variants.iter().flatten().map(variant).collect(),
    }
}

fn conditions(asked: &RuleConditionsInput) -> ConditionsDraft {
    let texts = |values: &Option<Vec<String>>| values.clone().unwrap_or_default();
    let parameter = |parameter: &RuleParameterInput| ParameterCondition { key: parameter.key.clone(), values: texts(&parameter.values) };
    ConditionsDraft {
        countries: asked.countries.iter().flatten().map(|code| code.0.clone()).collect(),
        regions: texts(&asked.regions),
        devices: asked.devices.iter().flatten().map(|device| (*device).into()).collect(),
        systems: texts(&asked.os),
        browsers: texts(&asked.browsers),
        languages: texts(&asked.languages),
        parameters: asked.parameters.iter().flatten().map(parameter).collect(),
        ip_ranges: texts(&asked.ip_ranges),
        from: asked.from.map(|at| at.0),
        to: asked.to.map(|at| at.0),
    }
}
