//! Rules of a link: ordered, the first whose conditions all hold decides where the visitor goes.
//! Pure data and functions; whatever must be looked up of a visitor is asked of [`Visitor`], and
//! only where some rule depends on it.

mod conditions;
mod decide;
mod draft;
mod parse;

use serde::{Deserialize, Serialize};

use crate::{RuleId, TargetUrl};

pub use conditions::{Conditions, ParameterCondition};
pub use decide::{Choice, Visitor, decide};
pub use draft::{ConditionsDraft, Fresh, RuleDraft, VariantDraft};
pub use parse::parse_country;

pub const MAX_RULES: usize = 50;
pub const MAX_VALUES: usize = 20;
pub const MAX_VARIANTS: usize = 20;

/// The rules of a link in their order. Their serialised form carries a version, so that a later
/// program knows what it reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Rules(Vec<Rule>);

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    rules: Vec<Rule>,
}

impl TryFrom<Stored> for Rules {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        if stored.version == VERSION {
            Ok(Self(stored.rules))
        } else {
            Err(format!("the rules have version {}, which this program does not know", stored.version))
        }
    }
}

impl From<Rules> for Stored {
    fn from(rules: Rules) -> Self {
        Self { version: VERSION, rules: rules.0 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub id: RuleId,
    pub name: String,
    pub conditions: Conditions,
    pub destination: Destination,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    Target(TargetUrl),
    Variants(Experiment),
}

/// Variants that share a rule's visitors by weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    pub key: ExperimentKey,
    pub variants: Vec<Variant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    pub name: String,
    pub target: TargetUrl,
    pub weight: u32,
}

/// The key under which visitors are dealt to variants; never shown. Each experiment has its own,
/// so that being in one says nothing of another.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentKey(pub [u8; 32]);

impl std::fmt::Debug for ExperimentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExperimentKey(hidden)")
    }
}

impl Rules {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.0.iter()
    }

    /// All targets that visitors may be sent to, in the rules' order, and `target` where no rule is for
    /// everybody; each once.
    pub fn targets<'a>(&'a self, target: &'a TargetUrl) -> Vec<&'a TargetUrl> {
        let mut targets: Vec<&TargetUrl> = Vec::new();
        let mut may_be = |target: &'a TargetUrl| {
            if !targets.contains(&target) {
                targets.push(target);
            }
        };
        for rule in &self.0 {
            match &rule.destination {
                Destination::Target(target) => may_be(target),
                Destination::Variants(experiment) => {
                    experiment.variants.iter().filter(|variant| variant.weight > 0).for_each(|variant| may_be(&variant.target));
                }
            }
            if rule.conditions == Conditions::default() {
                return targets;
            }
        }
        may_be(target);
        targets
    }

    fn find(&self, id: RuleId) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.id == id)
    }

    /// About how many bytes they take in memory.
    pub fn weight(&self) -> usize {
        self.0.iter().map(|rule| std::mem::size_of::<Rule>() + rule.name.len() + rule.conditions.weight() + rule.destination.weight()).sum()
    }
}

impl Destination {
    fn weight(&self) -> usize {
        match self {
            Self::Target(target) => target.as_str().len(),
            Self::Variants(experiment) => {
                experiment.variants.iter().map(|variant| 64 + variant.name.len() + variant.target.as_str().len()).sum()
            }
        }
    }
}
