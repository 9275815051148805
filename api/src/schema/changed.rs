//! Fields of updates, where an absent one stays and null clears it.

use async_graphql::MaybeUndefined;
use domain::{Invalid, Issue, IssueCode};

/// One that cannot be cleared.
pub(super) fn required<T>(
    invalid: &mut Invalid,
    path: &str,
    value: MaybeUndefined<String>,
    parse: impl FnOnce(String) -> Result<T, Issue>,
) -> Option<T> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => {
            invalid.0.push(Issue::new(
                path,
                IssueCode::Required,
                "A link cannot be without this. Leave the field out to keep what it has.",
            ));
            None
        }
        MaybeUndefined::Value(text) => invalid.check(parse(text)),
    }
}

/// One that is cleared by null, and by a text that stands for none.
pub(super) fn clearable<T>(
    invalid: &mut Invalid,
    value: MaybeUndefined<String>,
    parse: impl FnOnce(&str) -> Result<Option<T>, Issue>,
) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(text) => invalid.check(parse(&text)),
    }
}

/// One that null sets back to what it is by default.
///
/// # Errors
/// All offences of the value.
pub(super) fn given<T, P: Default>(value: MaybeUndefined<T>, parse: impl FnOnce(T) -> Result<P, Invalid>) -> Result<Option<P>, Invalid> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(P::default())),
        MaybeUndefined::Value(value) => parse(value).map(Some),
    }
}
