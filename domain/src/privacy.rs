//! What a workspace keeps of its visitors.
//!
//! The settings are written to rows and to the snapshot of links: unknown fields are ignored, and each
//! field has the default that holds where nothing was ever decided.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Retention;

/// How much of a visitor's address is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyLevel {
    /// Nothing: neither the address nor its network.
    None,
    /// Its network: /24 of IPv4, /48 of IPv6.
    #[default]
    Truncated,
    /// In full for at most seven days ([`Retention::addresses_days`]), then truncated.
    Full,
}

impl PrivacyLevel {
    pub const ALL: [Self; 3] = [Self::None, Self::Truncated, Self::Full];
}

/// Whether visitors are asked before they are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// Nobody is asked; visitors are told apart within a day only.
    #[default]
    None,
    /// Without consent clicks are only counted.
    Required,
}

/// Fields that may be left out of stored clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptFields {
    /// The referrer's path; its host is kept either way.
    pub referrer_path: bool,
    /// The user agent's text; what was read out of it is kept either way.
    pub user_agent: bool,
    /// City and coordinates.
    pub city: bool,
    pub language: bool,
    /// Custom parameters of the short URL.
    pub parameters: bool,
}

impl Default for KeptFields {
    fn default() -> Self {
        Self { referrer_path: true, user_agent: true, city: true, language: true, parameters: true }
    }
}

/// What a workspace decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Privacy {
    pub level: PrivacyLevel,
    pub keep: KeptFields,
    /// The only custom parameters that are kept; `None` keeps all.
    pub parameters: Option<Vec<String>>,
    /// Custom parameters that name no person, which are kept under Global Privacy Control as well.
    pub impersonal_parameters: Vec<String>,
    /// Whether `DNT: 1` means what `Sec-GPC: 1` means.
    pub respect_dnt: bool,
    pub consent: ConsentMode,
    /// Who asks for consent, as visitors know them.
    pub controller: Option<String>,
    /// Where the controller says what becomes of visitors' data.
    pub policy_url: Option<String>,
    /// Whose clicks are the workspace's own.
    pub own_networks: Vec<IpNet>,
    pub retention: Retention,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_decided_is_the_default_and_what_is_unknown_is_ignored() {
        let read = |text: &str| serde_json::from_str::<Privacy>(text).unwrap();
        assert_eq!(read("{}"), Privacy::default());
        let decided = read(r#"{"level":"none","keep":{"city":false},"later":1}"#);
        assert_eq!((decided.level, decided.keep.city, decided.keep.language), (PrivacyLevel::None, false, true));
    }
}
