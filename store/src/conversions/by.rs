//! What conversions are told apart by: properties of clicks, and what only their links say. Of these the clicks of
//! each link are counted, and those summed up by the groups that the links are in now.

use domain::Dimension;

use crate::grouped::Grouping;
use crate::link_groups::Groups;
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

impl WorkspaceScope {
    /// `None` of what clicks tell by themselves.
    pub(super) async fn groups_by(&self, by: &ConversionDimension) -> Result<Option<Groups>, StoreError> {
        match LinkGroup::of(by.dimension, by.key.as_deref()) {
            Some(group) => Ok(Some(self.groups_of_links(&group, &by.shared_domain).await?)),
            None => Ok(None),
        }
    }
}
