//! Recipients: a parameter of short URLs that says to whom a message with the link was sent, and lists of those it
//! was sent to.

use std::collections::HashSet;

use crate::{Invalid, Issue, IssueCode, Privacy, PrivacyLevel};

/// Of one call.
pub const MAX_RECIPIENTS_AT_ONCE: usize = 10_000;
/// Of one list.
pub const MAX_RECIPIENTS: u64 = 100_000;
/// Of one workspace.
pub const MAX_RECIPIENT_LISTS: u64 = 20;
const MAX_LIST_NAME: usize = 100;
const MAX_ID: usize = 128;
const MAX_PARAMETER: usize = 64;
/// Parameters that mean something to the program, and are no custom ones.
const RESERVED: [&str; 5] = ["qr", "consent", "ll_ignore", "ll_click", "logo"];

/// In whatever case.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// The name of the parameter that holds recipients' ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientParameter(String);

impl RecipientParameter {
    /// # Errors
    /// An issue at `recipientParameter`.
    pub fn parse(name: &str) -> Result<Self, Issue> {
        let refuse = |code, message: String| Err(Issue::new("recipientParameter", code, message));
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_PARAMETER || name.chars().any(char::is_control) {
            return refuse(
                IssueCode::Invalid,
                format!("A parameter's name has 1 to {MAX_PARAMETER} characters, as it stands in the address."),
            );
        }
        if name.to_ascii_lowercase().starts_with("utm_") || is_reserved(name) {
            return refuse(
                IssueCode::NotAllowed,
                format!("The parameter {name} means something else here. Choose one of your own, such as rid."),
            );
        }
        Ok(Self(name.to_owned()))
    }

    /// As it was stored.
    pub fn from_store(name: String) -> Self {
        Self(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a workspace that decided so may know recipients: its clicks must keep the parameter, and must not
    /// keep it of visitors who do not want to be known.
    ///
    /// # Errors
    /// All that stands against it, at `recipientParameter`, with what to change.
    pub fn check(&self, privacy: &Privacy) -> Result<(), Invalid> {
        let name = &self.0;
        let mut invalid = Invalid::default();
        let mut refuse = |message: String| invalid.0.push(Issue::new("recipientParameter", IssueCode::NotAllowed, message));
        if privacy.level == PrivacyLevel::None {
            refuse("With the privacy level NONE nothing is kept that tells visitors apart, and a recipient's id does. Choose TRUNCATED, or null here.".into());
        }
        if !privacy.keep.parameters {
            refuse(format!("Clicks keep no parameters (privacy.keepParameters), so {name} would be lost. Keep them, or send null here."));
        } else if privacy.parameters.as_ref().is_some_and(|kept| !kept.contains(name)) {
            refuse(format!("Clicks keep the parameters in privacy.parameters only. Add {name} there, or send null here."));
        }
        if privacy.impersonal_parameters.contains(name) {
            refuse(format!(
                "privacy.impersonalParameters says that {name} names no person, and it is kept of visitors who object. Take it out there."
            ));
        }
        invalid.finish()
    }
}

/// A list and some of those on it, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientImport {
    pub name: String,
    /// Each once.
    pub ids: Vec<String>,
}

impl RecipientImport {
    /// # Errors
    /// All offences at once, of ids the first ten.
    pub fn parse(name: &str, ids: Vec<String>) -> Result<Self, Invalid> {
        let mut invalid = Invalid::default();
        let name = invalid.check(parse_list_name(name));
        let ids = check_recipients(ids, &mut invalid);
        invalid.finish()?;
        Ok(Self { name: name.unwrap_or_default(), ids })
    }
}

/// Ids of recipients, each once.
///
/// # Errors
/// As [`RecipientImport::parse`].
pub fn parse_recipients(ids: Vec<String>) -> Result<Vec<String>, Invalid> {
    let mut invalid = Invalid::default();
    let ids = check_recipients(ids, &mut invalid);
    invalid.finish()?;
    Ok(ids)
}

fn parse_list_name(name: &str) -> Result<String, Issue> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_LIST_NAME || name.chars().any(char::is_control) {
        return Err(Issue::new("name", IssueCode::Invalid, format!("The list's name has 1 to {MAX_LIST_NAME} characters, in one line.")));
    }
    Ok(name.to_owned())
}

/// Whether somebody can be on a list by this id.
pub fn is_recipient(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAX_ID && !id.chars().any(char::is_control)
}

fn check_recipients(ids: Vec<String>, invalid: &mut Invalid) -> Vec<String> {
    if ids.is_empty() || ids.len() > MAX_RECIPIENTS_AT_ONCE {
        let message = format!("Send 1 to {MAX_RECIPIENTS_AT_ONCE} ids at once; a longer list in several calls.");
        invalid.0.push(Issue::new("ids", IssueCode::OutOfRange, message));
        return Vec::new();
    }
    let offences = ids.iter().enumerate().filter(|(_, id)| !is_recipient(id)).take(10).map(|(at, _)| {
        Issue::new(format!("ids.{at}"), IssueCode::Invalid, format!("An id has 1 to {MAX_ID} characters, without control characters."))
    });
    invalid.0.extend(offences);
    let mut known = HashSet::with_capacity(ids.len());
    ids.into_iter().filter(|id| known.insert(id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeptFields;

    #[test]
    fn a_parameter_must_be_kept_and_personal() {
        let rid = RecipientParameter::parse(" rid ").unwrap();
        assert_eq!(rid.check(&Privacy::default()), Ok(()));
        assert_eq!(rid.check(&Privacy { parameters: Some(vec!["rid".into()]), ..Privacy::default() }), Ok(()));
        let without = KeptFields { parameters: false, ..KeptFields::default() };
        for (privacy, offences) in [
            (Privacy { level: PrivacyLevel::None, ..Privacy::default() }, 1),
            (Privacy { keep: without, ..Privacy::default() }, 1),
            (Privacy { parameters: Some(vec!["ref".into()]), ..Privacy::default() }, 1),
            (Privacy { impersonal_parameters: vec!["rid".into()], ..Privacy::default() }, 1),
            (Privacy { level: PrivacyLevel::None, keep: without, impersonal_parameters: vec!["rid".into()], ..Privacy::default() }, 3),
        ] {
            assert_eq!(rid.check(&privacy).unwrap_err().0.len(), offences, "{privacy:?}");
        }
        for name in ["", "utm_id", "QR", "a\nb", &"x".repeat(65)] {
            assert!(RecipientParameter::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_import_tells_all_offences() {
        let import = RecipientImport::parse("May", vec!["a".into(), "b".into(), "a".into()]).unwrap();
        assert_eq!(import.ids, ["a", "b"]);
        let paths = |name: &str, ids: Vec<String>| {
            RecipientImport::parse(name, ids).unwrap_err().0.into_iter().map(|issue| issue.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(" ", vec!["a".into(), String::new(), "x".repeat(129)]), ["name", "ids.1", "ids.2"]);
        assert_eq!(paths("a", vec![]), ["ids"]);
        assert_eq!(paths("a", vec!["x".into(); 10_001]), ["ids"]);
    }
}
