//! Relay paging: arguments to a request, opaque cursors, page info.

use async_graphql::SimpleObject;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{AuditId, ClickId, Invalid, Issue, IssueCode, LinkReportId, MissId, Seq};
use store::PageRequest;

const DEFAULT: i32 = 50;
const MOST: i32 = 100;

/// Where a page stands in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    pub has_next_page: bool,
    pub has_previous_page: bool,
    /// Null when the page is empty.
    pub start_cursor: Option<String>,
    /// Null when the page is empty.
    pub end_cursor: Option<String>,
}

/// The four arguments of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// What a cursor can point at. The prefix keeps cursors of different lists apart.
pub(crate) trait Cursor: Sized {
    const PREFIX: &'static str;
    fn text(&self) -> String;
    fn from_text(text: &str) -> Option<Self>;

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{}", Self::PREFIX, self.text()))
    }

    /// # Errors
    /// An issue at `path` when this is no cursor of such a list.
    fn decode(path: &str, cursor: &str) -> Result<Self, Issue> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.as_deref().and_then(|text| text.strip_prefix(Self::PREFIX)).and_then(Self::from_text).ok_or_else(|| no_cursor(path))
    }
}

pub(crate) fn no_cursor(path: &str) -> Issue {
    let message = "This is no cursor of this list. Use an endCursor, startCursor or cursor that the same field returned.";
    Issue::new(path, IssueCode::Invalid, message)
}

impl Cursor for LinkReportId {
    const PREFIX: &'static str = "r:";
    fn text(&self) -> String {
        self.to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Cursor for AuditId {
    const PREFIX: &'static str = "a:";
    fn text(&self) -> String {
        self.to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Cursor for MissId {
    const PREFIX: &'static str = "m:";
    fn text(&self) -> String {
        self.to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Cursor for ClickId {
    const PREFIX: &'static str = "t:";
    fn text(&self) -> String {
        self.to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A place in the order of storage: the cursor of the subscription and of STORED lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredCursor(pub Seq);

impl Cursor for StoredCursor {
    const PREFIX: &'static str = "s:";
    fn text(&self) -> String {
        self.0.to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().filter(|seq| *seq >= 0).map(Self)
    }
}

impl StoredCursor {
    /// What is wrong with an `after` that nothing is stored behind: a cursor of another installation, or of a time that a
    /// restored backup does not have.
    pub fn ahead() -> Issue {
        let message = "This cursor is ahead of all that is stored. Use one of this installation, from after its last backup was restored.";
        Issue::new("after", IssueCode::OutOfRange, message)
    }
}

impl PageArgs {
    /// # Errors
    /// All that is wrong with the arguments.
    pub fn request<C: Cursor>(&self) -> Result<PageRequest<C>, Invalid> {
        let mut invalid = Invalid::default();
        let limit = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                invalid.0.push(Issue::new("first", IssueCode::NotAllowed, "Ask for the first or the last items, not both."));
                None
            }
            (Some(first), None) => invalid.check(limit("first", first)),
            (None, Some(last)) => invalid.check(limit("last", last)),
            (None, None) => Some(DEFAULT as u64),
        };
        let after = self.after.as_deref().and_then(|cursor| invalid.check(C::decode("after", cursor)));
        let before = self.before.as_deref().and_then(|cursor| invalid.check(C::decode("before", cursor)));
        invalid.finish()?;
        Ok(PageRequest { limit: limit.unwrap_or_default(), after, before, backwards: self.last.is_some() })
    }
}

fn limit(path: &str, count: i32) -> Result<u64, Issue> {
    match count {
        0..=MOST => Ok(count.unsigned_abs().into()),
        _ => Err(Issue::new(path, IssueCode::OutOfRange, format!("Ask for 0 to {MOST} items at once and page on with the cursors."))),
    }
}

pub(crate) fn page_info(cursors: &[String], has_next_page: bool, has_previous_page: bool) -> PageInfo {
    PageInfo { has_next_page, has_previous_page, start_cursor: cursors.first().cloned(), end_cursor: cursors.last().cloned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_of_one_list_are_not_those_of_another() {
        let cursor = StoredCursor(7).encode();
        assert_eq!(StoredCursor::decode("after", &cursor), Ok(StoredCursor(7)));
        assert_eq!(ClickId::decode("after", &cursor).unwrap_err().path, "after");
        assert!(StoredCursor::decode("after", "s:7").is_err());
    }

    #[test]
    fn all_offences_are_told_at_once() {
        let args = PageArgs { first: Some(101), after: Some("x".into()), ..PageArgs::default() };
        let paths: Vec<_> = args.request::<ClickId>().unwrap_err().0.into_iter().map(|issue| issue.path).collect();
        assert_eq!(paths, ["first", "after"]);
    }
}
