//! What the fields of a body say, written either way. All that is wrong with them is noted, and told
//! together with what is wrong with their values.

use std::collections::HashSet;

use domain::{Invalid, Issue, IssueCode, LogDraft, Logged};

use super::json::Json;
use super::refusal::Refusal;

/// Of a name that a body made up, so much is told.
pub(super) const MAX_NAME: usize = 64;
/// So many offences are told: within its 16 KiB a body has room for thousands of names that are none.
pub(super) const MAX_NOTED: usize = 50;

#[derive(Debug, Default)]
pub(super) struct Draft {
    url: Option<String>,
    rest: LogDraft,
    invalid: Invalid,
    /// Names as forms write them.
    seen: HashSet<String>,
    repeated: HashSet<String>,
}

impl Draft {
    pub fn of_form(fields: impl Iterator<Item = (String, String)>) -> Self {
        let mut draft = Self::default();
        for (name, value) in fields {
            if !draft.is_first(&name, &name) {
                continue;
            }
            let parameter = name.strip_prefix("parameters[").and_then(|rest| rest.strip_suffix(']'));
            match (draft.field(&name), parameter) {
                (Some(field), _) => *field = Some(value),
                (None, Some(parameter)) => draft.rest.parameters.push((parameter.to_owned(), value)),
                (None, None) => {
                    draft.refuse(&name, IssueCode::NotAllowed, "There is no such field. Send other values as parameters[name].");
                }
            }
        }
        draft
    }

    pub fn of_json(members: Vec<(String, Json)>) -> Self {
        let mut draft = Self::default();
        for (name, value) in members {
            if !draft.is_first(&name, &name) {
                continue;
            }
            match (name.as_str(), value) {
                ("utm" | "parameters", Json::Null) => {}
                ("utm", Json::Object(members)) => draft.utm(members),
                ("utm", _) => draft.refuse("utm", IssueCode::Invalid, r#"Send utm as an object, such as {"source": "app"}."#),
                ("parameters", Json::Object(members)) => draft.parameters(members),
                ("parameters", _) => {
                    draft.refuse("parameters", IssueCode::Invalid, r#"Send parameters as an object, such as {"name": "value"}."#);
                }
                (name, value) => draft.text(name, name, value, "There is no such field. Send other values in parameters."),
            }
        }
        draft
    }

    fn utm(&mut self, members: Vec<(String, Json)>) {
        for (name, value) in members {
            let (field, path) = (format!("utm_{name}"), format!("utm.{name}"));
            if self.is_first(&field, &path) {
                self.text(&field, &path, value, "There is no such field. In utm send source, medium, campaign, term or content.");
            }
        }
    }

    fn parameters(&mut self, members: Vec<(String, Json)>) {
        for (name, value) in members {
            let path = format!("parameters.{name}");
            if !self.is_first(&format!("parameters[{name}]"), &path) {
                continue;
            }
            match value {
                Json::Text(value) | Json::Plain(value) => self.rest.parameters.push((name, value)),
                Json::Null | Json::Other | Json::Object(_) => {
                    self.refuse(&path, IssueCode::Invalid, "Send a text, a number, true or false as a parameter's value.");
                }
            }
        }
    }

    /// `unknown` is told where there is no field of this name.
    fn text(&mut self, name: &str, path: &str, value: Json, unknown: &str) {
        match (self.field(name), value) {
            (None, _) => self.refuse(path, IssueCode::NotAllowed, unknown),
            (Some(_), Json::Null) => {}
            (Some(field), Json::Text(value)) => *field = Some(value),
            (Some(_), Json::Plain(_) | Json::Other | Json::Object(_)) => {
                self.refuse(path, IssueCode::Invalid, "Send a text here, in quotes.");
            }
        }
    }

    fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
        let rest = &mut self.rest;
        match name {
            "url" => Some(&mut self.url),
            "source" => Some(&mut rest.source),
            "ip" => Some(&mut rest.ip),
            "userAgent" => Some(&mut rest.user_agent),
            "referrer" => Some(&mut rest.referrer),
            "language" => Some(&mut rest.language),
            "clickId" => Some(&mut rest.click_id),
            other => rest.utm.field(other),
        }
    }

    /// Whether a name is there for the first time. Which of two values was meant nobody can tell.
    fn is_first(&mut self, name: &str, path: &str) -> bool {
        let first = self.seen.insert(name.to_owned());
        if !first && self.repeated.insert(name.to_owned()) {
            self.refuse(path, IssueCode::NotAllowed, "This is there more than once. Send it once.");
        }
        first
    }

    fn refuse(&mut self, path: &str, code: IssueCode, message: &str) {
        if self.invalid.0.len() < MAX_NOTED {
            let path: String = path.chars().take(MAX_NAME).collect();
            self.invalid.0.push(Issue::new(path, code, message));
        }
    }

    /// The draft, and what is wrong with it so far.
    pub fn finish(mut self) -> (LogDraft, Noted) {
        if self.url.is_none() && !has_issue(&self.invalid, "url") {
            self.refuse("url", IssueCode::Required, "Send the address that the visitor is led to as url.");
        }
        (LogDraft { url: self.url.unwrap_or_default(), ..self.rest }, Noted(self.invalid))
    }
}

/// What is wrong with a body before its values are looked at.
#[derive(Debug)]
pub(super) struct Noted(Invalid);

impl Noted {
    /// # Errors
    /// All offences at once: these, and those that were found in the values.
    pub fn and(mut self, checked: Result<Logged, Refusal>) -> Result<Logged, Refusal> {
        match checked {
            Ok(logged) => self.0.finish().map(|()| logged).map_err(Refusal::Invalid),
            Err(Refusal::Invalid(found)) => {
                // Of a value that is not there nothing more can be said.
                let more: Vec<Issue> = found.0.into_iter().filter(|issue| !has_issue(&self.0, &issue.path)).collect();
                self.0.0.extend(more);
                Err(Refusal::Invalid(self.0))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

fn has_issue(invalid: &Invalid, path: &str) -> bool {
    invalid.0.iter().any(|issue| issue.path == path)
}
