//! Rules as somebody wrote them, before they are checked.

use super::{ExperimentKey, ParameterCondition};
use crate::{Device, Millis, RuleId};

#[derive(Clone, Debug, Default)]
pub struct RuleDraft {
    /// Of a rule that the link has; it keeps its clicks and its variants' visitors.
    pub id: Option<String>,
    pub name: Option<String>,
    pub conditions: ConditionsDraft,
    pub target: Option<String>,
    pub variants: Vec<VariantDraft>,
}

#[derive(Clone, Debug, Default)]
pub struct ConditionsDraft {
    pub countries: Vec<String>,
    pub regions: Vec<String>,
    pub devices: Vec<Device>,
    pub systems: Vec<String>,
    pub browsers: Vec<String>,
    pub languages: Vec<String>,
    pub parameters: Vec<ParameterCondition>,
    pub ip_ranges: Vec<String>,
    pub from: Option<Millis>,
    pub to: Option<Millis>,
}

#[derive(Clone, Debug, Default)]
pub struct VariantDraft {
    pub name: String,
    pub target: String,
    pub weight: i64,
}

/// What a new rule is given: its id, and the key of its variants.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub id: RuleId,
    pub key: ExperimentKey,
}
