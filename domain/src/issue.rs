//! What is wrong with an input, in words for the person at the form.
//!
//! Every parser of user input answers with an [`Issue`]; a mutation collects all of them into one
//! [`Invalid`], so that a form can mark every field at once.

use std::fmt;

/// Why a value was refused; stable, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueCode {
    /// The value is missing or empty.
    Required,
    /// The value is not of the form that the field takes.
    Invalid,
    /// The value is shorter than allowed.
    TooShort,
    /// The value is longer than allowed.
    TooLong,
    /// The value is well formed but not permitted here.
    NotAllowed,
    /// The number is outside its range.
    OutOfRange,
}

impl IssueCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::Invalid => "INVALID",
            Self::TooShort => "TOO_SHORT",
            Self::TooLong => "TOO_LONG",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::OutOfRange => "OUT_OF_RANGE",
        }
    }
}

/// One offence: where, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The input's field, as the caller wrote it (`targetUrl`).
    pub path: String,
    pub code: IssueCode,
    /// A sentence for the person at the form.
    pub message: String,
}

impl Issue {
    pub fn new(path: impl Into<String>, code: IssueCode, message: impl Into<String>) -> Self {
        Self { path: path.into(), code, message: message.into() }
    }
}

/// All offences of one input; never empty when returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalid(pub Vec<Issue>);

impl Invalid {
    /// Keeps the value of `result`, or notes its issue and goes on.
    pub fn check<T>(&mut self, result: Result<T, Issue>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(issue) => {
                self.0.push(issue);
                None
            }
        }
    }

    /// `Err` with everything noted so far, if anything was.
    pub fn finish(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Issue> for Invalid {
    fn from(issue: Issue) -> Self {
        Self(vec![issue])
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, issue) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { " " };
            write!(f, "{separator}{}", issue.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}
