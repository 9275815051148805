//! Reports of links: what a visitor says is wrong with one. They hold nothing of who reports.

use crate::{Issue, IssueCode, LinkId, LinkReportId, Millis};

const MAX_TEXT_CHARS: usize = 1_000;

/// What is said to be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportReason {
    /// It asks for passwords or money under a false name.
    Phishing,
    /// It leads to harmful programs.
    Malware,
    /// It was sent to people who did not ask for it.
    Spam,
    /// What it leads to is against the law.
    Illegal,
    Other,
}

impl ReportReason {
    pub const ALL: [Self; 5] = [Self::Phishing, Self::Malware, Self::Spam, Self::Illegal, Self::Other];

    /// The name in forms, and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phishing => "phishing",
            Self::Malware => "malware",
            Self::Spam => "spam",
            Self::Illegal => "illegal",
            Self::Other => "other",
        }
    }

    /// In words for the person who reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Phishing => "It pretends to be somebody else, or asks for passwords or money",
            Self::Malware => "It leads to a harmful program",
            Self::Spam => "It was sent to me without my asking",
            Self::Illegal => "What it leads to is against the law",
            Self::Other => "Something else",
        }
    }

    /// # Errors
    /// An issue at `reason` for anything but the five names.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or_else(|| Issue::new("reason", IssueCode::Invalid, "Choose one of the reasons."))
    }
}

/// A report to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLinkReport {
    pub id: LinkReportId,
    pub link: LinkId,
    pub reason: ReportReason,
    pub text: Option<String>,
}

impl NewLinkReport {
    /// The words of a report: at most 1,000 characters, lines allowed; empty means none. Control
    /// characters other than line ends and tabs are left out.
    ///
    /// # Errors
    /// An issue at `text`.
    pub fn parse_text(text: &str) -> Result<Option<String>, Issue> {
        let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let text = text.trim();
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(Issue::new("text", IssueCode::TooLong, "Use at most 1,000 characters to say what is wrong."));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }
}

/// A report as stored; it came at the millisecond that its id was made in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReport {
    pub id: LinkReportId,
    pub link: LinkId,
    pub reason: ReportReason,
    pub text: Option<String>,
    /// Since when the workspace is done with it.
    pub resolved_at: Option<Millis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_go_both_ways() {
        for reason in ReportReason::ALL {
            assert_eq!(ReportReason::parse(reason.as_str()), Ok(reason));
        }
        assert_eq!(ReportReason::parse("PHISHING").unwrap_err().path, "reason");
    }

    #[test]
    fn words_are_bounded_and_printable() {
        let parse = NewLinkReport::parse_text;
        assert_eq!(parse(" a\r\nb\0\u{1b}[31m "), Ok(Some("a\nb[31m".into())));
        assert_eq!(parse(" \n "), Ok(None));
        assert_eq!(parse(&"ä".repeat(1_000)).unwrap().unwrap().chars().count(), 1_000);
        assert_eq!(parse(&"ä".repeat(1_001)).unwrap_err().path, "text");
    }
}
