//! Query parameters whose values are counted beside the dimensions that every click has, so that they are told without
//! reading clicks. Counts outlive clicks, so only what clicks keep, and what is nobody's id, may be counted.

use crate::recipient::is_reserved;
use crate::{Invalid, Issue, IssueCode, Privacy, RecipientParameter, Utm};

/// Of one workspace.
pub const MAX_COUNTED_PARAMETERS: usize = 10;
const MAX_NAME_CHARS: usize = 64;
const FIELD: &str = "countedParameters";

impl Privacy {
    /// Whether clicks keep this custom parameter of short URLs.
    pub fn keeps_parameter(&self, name: &str) -> bool {
        self.keep.parameters && self.parameters.as_ref().is_none_or(|kept| kept.iter().any(|kept| kept == name))
    }

    /// Whether a workspace that decided so may count a parameter.
    pub fn may_count(&self, name: &str, recipients: Option<&RecipientParameter>) -> bool {
        self.keeps_parameter(name) && recipients.is_none_or(|parameter| parameter.as_str() != name)
    }
}

/// The names of the parameters to be counted, each once.
///
/// # Errors
/// All offences at once, at `countedParameters` and `countedParameters.<index>`.
pub fn check_counted_parameters(
    names: Vec<String>,
    privacy: &Privacy,
    recipients: Option<&RecipientParameter>,
) -> Result<Vec<String>, Invalid> {
    let mut invalid = Invalid::default();
    if names.len() > MAX_COUNTED_PARAMETERS {
        invalid.0.push(Issue::new(FIELD, IssueCode::TooLong, format!("Name at most {MAX_COUNTED_PARAMETERS} parameters.")));
        return Err(invalid);
    }
    let mut checked: Vec<String> = Vec::with_capacity(names.len());
    for (index, name) in names.into_iter().enumerate() {
        if let Some((code, message)) = objection(&name, privacy, recipients) {
            invalid.0.push(Issue::new(format!("{FIELD}.{index}"), code, message));
        } else if !checked.contains(&name) {
            checked.push(name);
        }
    }
    invalid.finish()?;
    Ok(checked)
}

fn objection(name: &str, privacy: &Privacy, recipients: Option<&RecipientParameter>) -> Option<(IssueCode, String)> {
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let message = format!("A parameter's name has 1 to {MAX_NAME_CHARS} characters, as it stands in the address.");
        return Some((IssueCode::Invalid, message));
    }
    // Clicks hold these apart from their parameters, so nothing would ever be counted.
    if Utm::default().meant(name).is_some() {
        return Some((IssueCode::NotAllowed, format!("{name} is counted already, as a dimension of its own. Leave it out here.")));
    }
    if is_reserved(name) {
        return Some((IssueCode::NotAllowed, format!("The parameter {name} means something else here. Leave it out.")));
    }
    if privacy.may_count(name, recipients) {
        return None;
    }
    let message = if !privacy.keep.parameters {
        format!("Clicks keep no parameters (privacy.keepParameters), so {name} cannot be counted. Keep them, or leave it out here.")
    } else if !privacy.keeps_parameter(name) {
        format!("Clicks keep the parameters in privacy.parameters only. Add {name} there, or leave it out here.")
    } else {
        format!("{name} says who a recipient is (recipientParameter), and counts stay when clicks go. Leave it out here.")
    };
    Some((IssueCode::NotAllowed, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeptFields;

    fn check(names: &[&str], privacy: &Privacy) -> Result<Vec<String>, Vec<String>> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let recipients = RecipientParameter::parse("rid").unwrap();
        let wrong = |wrong: Invalid| wrong.0.into_iter().map(|issue| issue.path).collect();
        check_counted_parameters(names, privacy, Some(&recipients)).map_err(wrong)
    }

    #[test]
    fn what_clicks_keep_may_be_counted() {
        let all = Privacy::default();
        assert_eq!(check(&["ref", "Ref", "ref"], &all), Ok(vec!["ref".into(), "Ref".into()]));
        assert_eq!(
            check(&["", "ok", &"x".repeat(65), "rid"], &all),
            Err(["0", "2", "3"].map(|at| format!("countedParameters.{at}")).into())
        );
        let fields = ["utm_source", "UTM_Term", "ll_click"];
        assert_eq!(check(&fields, &all), Err((0..3).map(|at| format!("countedParameters.{at}")).collect()));
        // It is no field of a campaign, so clicks have it among their parameters.
        assert!(check(&["utm_id"], &all).is_ok());
        assert_eq!(check(&["x"; 11], &all), Err(vec!["countedParameters".into()]));
        let some = Privacy { parameters: Some(vec!["ref".into()]), ..Privacy::default() };
        assert_eq!(check(&["ref", "Ref"], &some), Err(vec!["countedParameters.1".into()]));
        let none = Privacy { keep: KeptFields { parameters: false, ..KeptFields::default() }, ..Privacy::default() };
        assert_eq!(check(&["ref"], &none), Err(vec!["countedParameters.0".into()]));
    }
}
