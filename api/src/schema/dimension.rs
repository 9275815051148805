//! What clicks can be told apart by, and what each of these must be asked with.

use async_graphql::Enum;
use domain::{Issue, IssueCode};

/// What clicks can be broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Dimension")]
pub enum Dimension {
    Country,
    Region,
    City,
    Browser,
    Os,
    Device,
    Language,
    /// The referrer's host, without www; null is direct.
    Referrer,
    /// How the visitor came; null is a click stored before there were channels.
    Channel,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmTerm,
    UtmContent,
    Link,
    /// The /24 or /48.
    Network,
    /// The rule of a link that decided, by its id; null is none.
    Rule,
    /// The name of a rule's variant, whatever the rule: filter by rules or links for one experiment.
    Variant,
    Verdict,
    VerdictReason,
    /// Of the click's link, as it is now. A link with several tags is counted with each of them.
    Tag,
    /// Of the click's link, as it is now; null is a link in none.
    Folder,
    /// The host of the click's link.
    Domain,
    /// Of the click's link, as it is now: the value of `key`, null where it has none.
    Metadata,
    /// The query parameter of the short URL that `key` names, null where it has none.
    Parameter,
}

/// In characters, as parameters of clicks and metadata of links have them at most.
const LONGEST_KEY: usize = 64;

/// Whether a dimension is asked about with what it needs.
pub(super) fn check_key(dimension: Dimension, key: Option<&str>) -> Option<Issue> {
    let needs = domain::Dimension::from(dimension).has_key();
    match key {
        None if needs => Some(Issue::new("key", IssueCode::Required, "Say which one: name its key.")),
        Some(key) if needs && (key.is_empty() || key.chars().count() > LONGEST_KEY) => {
            Some(Issue::new("key", IssueCode::TooLong, format!("A key has 1 to {LONGEST_KEY} characters.")))
        }
        Some(_) if !needs => Some(Issue::new("key", IssueCode::Invalid, "Only PARAMETER and METADATA have keys. Leave it out.")),
        _ => None,
    }
}
