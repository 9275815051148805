//! What conversions are told apart by: properties of clicks, and what only their links say. Of these the clicks of
//! each link are counted, and those summed up by the groups that the links are in now.

use std::collections::HashMap;

use domain::{Dimension, DimensionValue, LinkId};

use crate::grouped::Grouping;
use crate::{LinkGroup, StoreError, WorkspaceScope};

/// A dimension with what it needs.
#[derive(Clone, Debug)]
pub struct ConversionDimension {
    pub dimension: Dimension,
    /// Of a parameter or of metadata, its name.
    pub key: Option<String>,
    /// What the domain of links on the shared one is called.
    pub shared_domain: String,
}

impl ConversionDimension {
    /// One that needs nothing.
    pub fn new(dimension: Dimension) -> Self {
        Self { dimension, key: None, shared_domain: String::new() }
    }

    /// What is read of clicks.
    pub(super) fn grouping(&self) -> Grouping<'_> {
        let dimension = if self.dimension.is_of_links() { Dimension::Link } else { self.dimension };
        Grouping { dimension, key: self.key.as_deref() }
    }
}

/// The values of links: none of them is without one.
pub(super) struct ValuesOfLinks {
    of: HashMap<LinkId, Vec<DimensionValue>>,
    /// Of a link that is in no group.
    rest: DimensionValue,
}

impl ValuesOfLinks {
    fn of(&self, value: &DimensionValue) -> &[DimensionValue] {
        let known = if let DimensionValue::Link(link) = value { self.of.get(link) } else { None };
        known.map_or(std::slice::from_ref(&self.rest), Vec::as_slice)
    }

    /// What was found by link, by the values of these links. Each link's is counted with each of its values.
    pub fn sum<T: Default>(&self, by_link: HashMap<DimensionValue, T>, add: impl Fn(&mut T, &T)) -> HashMap<DimensionValue, T> {
        let mut sums: HashMap<DimensionValue, T> = HashMap::new();
        for (link, found) in by_link {
            self.of(&link).iter().for_each(|value| add(sums.entry(value.clone()).or_default(), &found));
        }
        sums
    }
}

impl WorkspaceScope {
    /// `None` of what clicks tell by themselves.
    pub(super) async fn values_of_links(&self, by: &ConversionDimension) -> Result<Option<ValuesOfLinks>, StoreError> {
        let Some(group) = LinkGroup::of(by.dimension, by.key.as_deref()) else { return Ok(None) };
        let values = |texts: Vec<String>| texts.into_iter().map(DimensionValue::Text).collect();
        let of = self.links_by(&group).await?.into_iter().map(|(link, texts)| (link, values(texts))).collect();
        let on_shared = DimensionValue::Text(by.shared_domain.clone());
        Ok(Some(ValuesOfLinks { of, rest: if group == LinkGroup::Domain { on_shared } else { DimensionValue::Unknown } }))
    }
}
