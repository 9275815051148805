//! Annotations: what happened at an instant, so that whoever looks at counts sees why they changed. Members write
//! them; changes of links and judging again note themselves.

use crate::coded::coded;
use crate::{AnnotationId, Issue, IssueCode, LinkId, Millis, UserId};

const MAX_TEXT_CHARS: usize = 280;
/// 2200-01-01: what is later is a slip of the finger.
const LATEST: Millis = Millis(7_258_118_400_000);

coded!(
    /// What an annotation is of.
    AnnotationKind {
        /// A member's own.
        Note = 0,
        /// A link leads elsewhere than before, or not any more.
        LinkChanged = 1,
        /// Clicks were judged again.
        Reclassified = 2,
        /// Counts were unusual.
        Alert = 3,
    }
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    pub id: AnnotationId,
    pub at: Millis,
    /// First instant no longer meant; `None` for a moment.
    pub until: Option<Millis>,
    pub kind: AnnotationKind,
    pub text: String,
    /// `None` for the whole workspace.
    pub link: Option<LinkId>,
    /// `None` for what the program or an API key noted.
    pub author: Option<UserId>,
    pub created_at: Millis,
}

/// What of one's own annotation is another thing from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnotationChange {
    pub at: Option<Millis>,
    pub until: Option<Option<Millis>>,
    pub text: Option<String>,
}

impl Annotation {
    /// A text of 1 to 280 characters on one line: each run of spaces, line ends and control characters is one space.
    ///
    /// # Errors
    /// An issue at `text`.
    pub fn parse_text(text: &str) -> Result<String, Issue> {
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
        let text = words.join(" ");
        if text.is_empty() {
            return Err(Issue::new("text", IssueCode::Required, "Say what happened."));
        }
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(Issue::new("text", IssueCode::TooLong, "Use at most 280 characters."));
        }
        Ok(text)
    }

    /// As many characters as there may be of a text that the program wrote.
    pub fn cut(text: &str) -> String {
        if text.chars().count() <= MAX_TEXT_CHARS {
            return text.to_owned();
        }
        text.chars().take(MAX_TEXT_CHARS - 1).chain(['…']).collect()
    }

    /// # Errors
    /// All that is wrong with when it begins and ends: an issue at `at`, one at `until`.
    pub fn check_range(at: Millis, until: Option<Millis>) -> Vec<Issue> {
        let outside = |at: Millis| at < Millis(0) || at >= LATEST;
        let mut issues = Vec::new();
        if outside(at) {
            issues.push(Issue::new("at", IssueCode::OutOfRange, "Choose an instant between 1970 and 2200."));
        }
        if until.is_some_and(outside) {
            issues.push(Issue::new("until", IssueCode::OutOfRange, "Choose an instant between 1970 and 2200."));
        } else if until.is_some_and(|until| until <= at) {
            issues.push(Issue::new("until", IssueCode::OutOfRange, "The end must be after the beginning. Leave it out for a moment."));
        }
        issues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_of_1_to_280_characters() {
        assert_eq!(Annotation::parse_text(" Campaign\r\n started\0\t "), Ok("Campaign started".into()));
        assert_eq!(Annotation::parse_text(&"ä".repeat(280)).unwrap().chars().count(), 280);
        for (text, code) in [("", IssueCode::Required), (" \n\u{7}", IssueCode::Required), (&*"ä".repeat(281), IssueCode::TooLong)] {
            let issue = Annotation::parse_text(text).unwrap_err();
            assert_eq!((issue.path.as_str(), issue.code), ("text", code));
        }
        assert_eq!(Annotation::cut(&"ä".repeat(300)).chars().count(), 280);
    }

    #[test]
    fn it_ends_after_it_begins() {
        let paths = |at, until: Option<i64>| {
            Annotation::check_range(Millis(at), until.map(Millis)).into_iter().map(|issue| issue.path).collect::<Vec<_>>()
        };
        assert_eq!((paths(1, None), paths(1, Some(2))), (vec![], vec![]));
        assert_eq!(paths(1, Some(1)), ["until"]);
        assert_eq!(paths(-1, Some(LATEST.0)), ["at", "until"]);
    }
}
