//! What the values of a dimension are called, for a person: links by title or slug, rules by what they are or were called.

use std::collections::HashMap;

use domain::{Dimension, DimensionValue, LinkId};
use store::WorkspaceScope;

use super::context::Services;
use super::error::ApiError;
use super::link::Link;

#[derive(Debug, Default)]
pub(crate) struct Labels {
    links: HashMap<LinkId, domain::Link>,
    rules: HashMap<String, String>,
    unknown: &'static str,
}

pub(crate) async fn labels<'a>(
    scope: &WorkspaceScope,
    dimension: Dimension,
    values: impl Iterator<Item = &'a DimensionValue>,
) -> Result<Labels, ApiError> {
    let (mut ids, mut texts) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            DimensionValue::Link(link) => ids.push(*link),
            DimensionValue::Text(text) if dimension == Dimension::Rule => texts.push(text.clone()),
            _ => {}
        }
    }
    let links = if ids.is_empty() { Vec::new() } else { scope.links_by_id(&ids).await? };
    Ok(Labels {
        links: links.into_iter().map(|link| (link.id, link)).collect(),
        rules: scope.rule_names(&texts).await?,
        unknown: unknown(dimension),
    })
}

/// What is not known is called.
pub(crate) fn unknown(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Referrer => "Direct",
        Dimension::Rule | Dimension::Variant | Dimension::Folder | Dimension::Tag | Dimension::Metadata | Dimension::Parameter => "None",
        _ => "Unknown",
    }
}

/// What a link is called.
pub(crate) fn link_label(link: &domain::Link) -> String {
    link.title.clone().unwrap_or_else(|| link.slug.as_str().to_owned())
}

/// A name goes before the value, and where there is none it is not known.
pub(crate) fn label(name: Option<String>, value: Option<String>, unknown: &str) -> String {
    name.or(value).unwrap_or_else(|| unknown.to_owned())
}

impl Labels {
    pub fn of(&self, value: &DimensionValue) -> String {
        let named = match value {
            DimensionValue::Link(id) => self.links.get(id).map(link_label),
            DimensionValue::Text(text) => self.rules.get(text).cloned(),
            _ => None,
        };
        label(named, value.text(), self.unknown)
    }

    /// The link that a value is.
    pub fn link(&self, services: &Services, value: &DimensionValue) -> Option<Link> {
        let DimensionValue::Link(id) = value else { return None };
        self.links.get(id).map(|link| Link::new(services, link.clone()))
    }
}
