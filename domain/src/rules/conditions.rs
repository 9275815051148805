//! Conditions of a rule: all that are given must hold, within one any value does.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Visitor;
use crate::{Device, Millis};

/// An empty list or `None` asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// ISO 3166-1 alpha-2, upper case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub browsers: Vec<String>,
    /// Primary subtags, lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Each key is a condition of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterCondition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_ranges: Vec<IpNet>,
    /// First instant included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Millis>,
    /// First instant no longer included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Millis>,
}

/// A query parameter of the short URL; without values its presence is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterCondition {
    pub key: String,
    #[serde(default)]
    pub values: Vec<String>,
}

impl Conditions {
    /// Asks the visitor in the order of cost: what the request says, then what must be parsed,
    /// then what must be looked up.
    pub fn hold(&self, visitor: &impl Visitor) -> bool {
        self.from.is_none_or(|from| visitor.now() >= from)
            && self.to.is_none_or(|to| visitor.now() < to)
            && given(&self.ip_ranges, |range| range.contains(&visitor.ip().to_canonical()))
            && self.parameters.iter().all(|wanted| wanted.holds(visitor))
            && given(&self.languages, |language| visitor.language() == Some(language.as_str()))
            && given(&self.devices, |device| visitor.agent().device == *device)
            && texts(&self.systems, || visitor.agent().os.as_deref())
            && texts(&self.browsers, || visitor.agent().browser.as_deref())
            && texts(&self.countries, || visitor.place().country.as_deref())
            && texts(&self.regions, || visitor.place().region.as_deref())
    }

    pub(super) fn weight(&self) -> usize {
        let lists = [&self.countries, &self.regions, &self.systems, &self.browsers, &self.languages];
        let texts: usize = lists.into_iter().flatten().map(|text| 24 + text.len()).sum();
        let parameters = self.parameters.iter().flat_map(|parameter| parameter.values.iter().chain([&parameter.key]));
        texts + parameters.map(|text| 24 + text.len()).sum::<usize>() + 20 * self.ip_ranges.len()
    }
}

impl ParameterCondition {
    fn holds(&self, visitor: &impl Visitor) -> bool {
        let mut found = visitor.parameters().iter().filter(|parameter| parameter.key == self.key);
        found.any(|parameter| self.values.is_empty() || self.values.contains(&parameter.value))
    }
}

fn given<T>(wanted: &[T], mut holds: impl FnMut(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(&mut holds)
}

/// Names are written by people, so their case does not matter.
fn texts<'a>(wanted: &[String], value: impl FnOnce() -> Option<&'a str>) -> bool {
    wanted.is_empty() || value().is_some_and(|value| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)))
}
