//! What a workspace decides for all its redirects: the referrer that browsers pass on, and the
//! secrets under which it signs addresses.

use crate::{Millis, Privacy, WorkspaceId};

/// How much of the short URL a browser tells the target, by W3C's Referrer Policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferrerPolicy {
    NoReferrer,
    NoReferrerWhenDowngrade,
    Origin,
    OriginWhenCrossOrigin,
    SameOrigin,
    StrictOrigin,
    StrictOriginWhenCrossOrigin,
    UnsafeUrl,
}

impl ReferrerPolicy {
    pub const ALL: [Self; 8] = [
        Self::NoReferrer,
        Self::NoReferrerWhenDowngrade,
        Self::Origin,
        Self::OriginWhenCrossOrigin,
        Self::SameOrigin,
        Self::StrictOrigin,
        Self::StrictOriginWhenCrossOrigin,
        Self::UnsafeUrl,
    ];

    /// The header's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoReferrer => "no-referrer",
            Self::NoReferrerWhenDowngrade => "no-referrer-when-downgrade",
            Self::Origin => "origin",
            Self::OriginWhenCrossOrigin => "origin-when-cross-origin",
            Self::SameOrigin => "same-origin",
            Self::StrictOrigin => "strict-origin",
            Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
            Self::UnsafeUrl => "unsafe-url",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text)
    }
}

/// A secret under which addresses are signed, sealed under the installation's key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealedSecret {
    pub sealed: String,
    /// The first instant at which it is good for nothing; none for the present one.
    pub valid_until: Option<Millis>,
}

/// What redirectors need of a workspace. It is written down in the snapshot of links: unknown
/// fields are ignored, and a field that is added needs `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WorkspacePolicy {
    pub id: WorkspaceId,
    /// Raised by every change.
    pub version: i32,
    pub referrer_policy: Option<ReferrerPolicy>,
    /// Newest first.
    pub secrets: Vec<SealedSecret>,
    #[serde(default)]
    pub privacy: Privacy,
    /// It is to be deleted: its links lead nowhere.
    #[serde(default)]
    pub closed: bool,
}

/// What a workspace's signing secrets are sealed for.
pub fn signing_purpose(id: WorkspaceId) -> String {
    format!("signing {id}")
}

impl WorkspacePolicy {
    /// What holds where nothing was ever decided.
    pub fn undecided(id: WorkspaceId) -> Self {
        Self { id, version: 0, referrer_policy: None, secrets: Vec::new(), privacy: Privacy::default(), closed: false }
    }

    /// What holds for ever of a workspace that is not there any more.
    pub fn gone(id: WorkspaceId) -> Self {
        Self { version: i32::MAX, closed: true, ..Self::undecided(id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_written_as_the_header_has_them() {
        for policy in ReferrerPolicy::ALL {
            assert_eq!(ReferrerPolicy::from_text(policy.as_str()), Some(policy));
            assert_eq!(serde_json::to_value(policy).unwrap(), policy.as_str());
        }
        assert_eq!(ReferrerPolicy::from_text("sometimes"), None);
    }
}
