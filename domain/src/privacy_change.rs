//! A change of what a workspace keeps of its visitors, checked as a whole.

use ipnet::IpNet;

use crate::network::parse_network;
use crate::{ConsentMode, Invalid, Issue, IssueCode, Privacy, PrivacyLevel, RetentionChange};

/// Bounds of what a workspace may list.
const MAX_PARAMETERS: usize = 50;
const MAX_PARAMETER_CHARS: usize = 64;
const MAX_NETWORKS: usize = 100;
const MAX_CONTROLLER_CHARS: usize = 100;
/// The least that is of a network which belongs to one workspace.
const MIN_PREFIX_V4: u8 = 8;
const MIN_PREFIX_V6: u8 = 16;

/// What is to be another way; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct PrivacyChange {
    pub level: Option<PrivacyLevel>,
    pub keep_referrer_path: Option<bool>,
    pub keep_user_agent: Option<bool>,
    pub keep_city: Option<bool>,
    pub keep_language: Option<bool>,
    pub keep_parameters: Option<bool>,
    /// `Some(None)` keeps all.
    pub parameters: Option<Option<Vec<String>>>,
    pub impersonal_parameters: Option<Vec<String>>,
    pub respect_dnt: Option<bool>,
    pub consent: Option<ConsentMode>,
    /// `Some(None)` clears it, as with the next one.
    pub controller: Option<Option<String>>,
    pub policy_url: Option<Option<String>>,
    pub own_networks: Option<Vec<String>>,
    pub retention: RetentionChange,
}

impl Privacy {
    /// The settings after the change.
    ///
    /// # Errors
    /// All offences at once, with the fields' names below `privacy` as paths.
    pub fn changed(mut self, change: PrivacyChange) -> Result<Self, Invalid> {
        let mut invalid = Invalid::default();
        set(&mut self.level, change.level);
        set(&mut self.keep.referrer_path, change.keep_referrer_path);
        set(&mut self.keep.user_agent, change.keep_user_agent);
        set(&mut self.keep.city, change.keep_city);
        set(&mut self.keep.language, change.keep_language);
        set(&mut self.keep.parameters, change.keep_parameters);
        set(&mut self.respect_dnt, change.respect_dnt);
        set(&mut self.consent, change.consent);
        if let Some(name) = change.controller {
            self.controller = name.and_then(|name| invalid.check(parse_controller(&name)));
        }
        if let Some(url) = change.policy_url {
            self.policy_url = url.and_then(|url| invalid.check(parse_policy_url(&url)));
        }
        match change.parameters {
            None => {}
            Some(None) => self.parameters = None,
            Some(Some(names)) => self.parameters = invalid.check(parse_names("parameters", names)),
        }
        if let Some(names) = change.impersonal_parameters {
            set(&mut self.impersonal_parameters, invalid.check(parse_names("impersonalParameters", names)));
        }
        if let Some(texts) = change.own_networks {
            set(&mut self.own_networks, invalid.check(parse_own_networks(&texts)));
        }
        self.retention.change(&change.retention, &mut invalid);
        invalid.finish()?;
        Ok(self)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn path(field: &str) -> String {
    format!("privacy.{field}")
}

fn parse_controller(name: &str) -> Result<String, Issue> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_CONTROLLER_CHARS || name.chars().any(is_unseen) {
        let message = format!(
            "The name has 1 to {MAX_CONTROLLER_CHARS} characters, in one line, without control characters and marks of the writing's \
             direction. Send null for none."
        );
        return Err(Issue::new(path("controller"), IssueCode::Invalid, message));
    }
    Ok(name.to_owned())
}

/// Characters that control, end lines, or turn the direction of what stands around them: visitors read the name beside
/// the question for their consent.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn parse_policy_url(text: &str) -> Result<String, Issue> {
    let url = url::Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.filter(|url| url.as_str().len() <= crate::MAX_TARGET_BYTES);
    let message = "This must be a complete address of at most 2,048 bytes, such as https://example.com/privacy. Send null for none.";
    url.map(Into::into).ok_or_else(|| Issue::new(path("policyUrl"), IssueCode::Invalid, message))
}

/// Names of parameters, each once.
fn parse_names(field: &str, names: Vec<String>) -> Result<Vec<String>, Issue> {
    if names.len() > MAX_PARAMETERS {
        return Err(Issue::new(path(field), IssueCode::TooLong, format!("Name at most {MAX_PARAMETERS} parameters.")));
    }
    let mut checked: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if name.is_empty() || name.chars().count() > MAX_PARAMETER_CHARS || name.chars().any(char::is_control) {
            let message = format!("A parameter's name has 1 to {MAX_PARAMETER_CHARS} characters, as it stands in the address.");
            return Err(Issue::new(path(field), IssueCode::Invalid, message));
        }
        if !checked.contains(&name) {
            checked.push(name);
        }
    }
    Ok(checked)
}

fn parse_own_networks(texts: &[String]) -> Result<Vec<IpNet>, Issue> {
    if texts.len() > MAX_NETWORKS {
        return Err(Issue::new(path("ownNetworks"), IssueCode::TooLong, format!("Name at most {MAX_NETWORKS} networks.")));
    }
    texts.iter().map(|text| parse_own_network(text)).collect()
}

fn parse_own_network(text: &str) -> Result<IpNet, Issue> {
    let invalid = |message: &str| Issue::new(path("ownNetworks"), IssueCode::Invalid, message);
    let network = parse_network(text)
        .ok_or_else(|| invalid("Write networks as addresses or ranges, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48."))?;
    let least = if matches!(network, IpNet::V4(_)) { MIN_PREFIX_V4 } else { MIN_PREFIX_V6 };
    if network.prefix_len() < least {
        return Err(invalid("This range is too wide to be your own: use /8 or narrower for IPv4, /16 or narrower for IPv6."));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let before = Privacy { respect_dnt: true, ..Privacy::default() };
        let change = PrivacyChange {
            level: Some(PrivacyLevel::None),
            parameters: Some(Some(vec!["ref".into(), "ref".into()])),
            own_networks: Some(vec!["203.0.113.7".into()]),
            ..PrivacyChange::default()
        };
        let after = before.changed(change).unwrap();
        assert_eq!((after.level, after.respect_dnt), (PrivacyLevel::None, true));
        assert_eq!(after.parameters.as_deref(), Some(&["ref".to_owned()][..]));
        assert_eq!(after.own_networks[0].to_string(), "203.0.113.7/32");
        let all = after.changed(PrivacyChange { parameters: Some(None), ..PrivacyChange::default() }).unwrap();
        assert_eq!(all.parameters, None);
        let (controller, policy_url) = (Some(Some(" Harbour Ltd ".into())), Some(Some("https://harbour.example/privacy".into())));
        let asking = all.changed(PrivacyChange { controller, policy_url, ..PrivacyChange::default() }).unwrap();
        assert_eq!(asking.controller.as_deref(), Some("Harbour Ltd"));
        let unnamed = asking.changed(PrivacyChange { controller: Some(None), ..PrivacyChange::default() }).unwrap();
        assert_eq!((unnamed.controller, unnamed.policy_url.as_deref()), (None, Some("https://harbour.example/privacy")));
    }

    #[test]
    fn who_asks_has_a_name_that_is_shown_as_it_is_written() {
        let named = |name: &str| {
            let change = PrivacyChange { controller: Some(Some(name.into())), ..PrivacyChange::default() };
            Privacy::default().changed(change).map(|privacy| privacy.controller)
        };
        for name in ["Harbour Ltd", "Café Zürich & Söhne", "نادي", "👩\u{200d}🚀"] {
            assert_eq!(named(name), Ok(Some(name.into())));
        }
        for c in
            ['\0', '\n', '\u{1f}', '\u{7f}', '\u{9f}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}']
        {
            let Invalid(issues) = named(&format!("Harbour{c}dtL")).unwrap_err();
            assert_eq!((issues.len(), issues[0].path.as_str()), (1, "privacy.controller"), "{c:?}");
        }
    }

    #[test]
    fn all_offences_are_told_at_once() {
        let change = PrivacyChange {
            parameters: Some(Some(vec![String::new()])),
            impersonal_parameters: Some(vec!["x".repeat(65)]),
            own_networks: Some(vec!["0.0.0.0/0".into()]),
            controller: Some(Some(" ".into())),
            policy_url: Some(Some("javascript:alert(1)".into())),
            retention: RetentionChange { clicks_days: Some(0), ..RetentionChange::default() },
            ..PrivacyChange::default()
        };
        let Invalid(issues) = Privacy::default().changed(change).unwrap_err();
        let paths: Vec<_> = issues.iter().map(|issue| issue.path.as_str()).collect();
        let fields = ["controller", "policyUrl", "parameters", "impersonalParameters", "ownNetworks", "retention.clicksDays"];
        assert_eq!(paths, fields.map(|field| format!("privacy.{field}")));
    }
}
