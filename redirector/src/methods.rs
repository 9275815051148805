//! What a request may do. Links are opened by GET and HEAD; posted are only the forms of a link with a
//! password or with visitors who are asked for consent, and what has an entrance of its own. Nothing else is taken anywhere, and nobody who did
//! not open an address is led on from it.

use domain::Method;

use crate::answer::{self, Answer, Page};
use crate::cache::CachedLink;

/// What Allow says where an address can only be opened.
pub(crate) const OPENED: &str = "GET, HEAD";
const OPENED_OR_POSTED: &str = "GET, HEAD, POST";

/// The method, where there is any address that takes it.
pub(crate) fn method_of(method: &hyper::Method) -> Option<Method> {
    match *method {
        hyper::Method::GET => Some(Method::Get),
        hyper::Method::HEAD => Some(Method::Head),
        hyper::Method::POST => Some(Method::Post),
        _ => None,
    }
}

/// Whether a link has a form that is posted to it.
pub(crate) fn has_form(found: &CachedLink) -> bool {
    let CachedLink { link, settings } = found;
    let has_password = || link.gate.as_ref().is_some_and(|gate| gate.password.is_some());
    !found.is_gone() && (settings.asks() || has_password())
}

/// The answer to a method that is not taken where there is no link.
pub(crate) fn only_opened() -> Answer {
    answer::page(Page::MethodNotAllowed(OPENED))
}

/// The answer to a method that a link does not take.
pub(crate) fn not_taken(found: &CachedLink) -> Answer {
    if has_form(found) { answer::page(Page::MethodNotAllowed(OPENED_OR_POSTED)) } else { only_opened() }
}
