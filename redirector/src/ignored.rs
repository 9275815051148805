//! Clicks that are the visitor's own: those of a browser that was told so at `/ll-ignore` of the link's
//! host, and of short URLs with `ll_ignore=1`. They are kept, and say so.

use domain::SignalSet;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::SET_COOKIE;
use hyper::http::request::Parts as Head;

use crate::answer::{self, Answer, Page};
use crate::headers::Said;
use crate::{consent, cookies, forms, pages};

/// Of the parameter and of the cookie.
pub(crate) const NAME: &str = "ll_ignore";
pub(crate) const YES: &str = "1";
/// No link has this slug.
pub(crate) const PATH: &str = "/ll-ignore";
pub(crate) const ALLOWED: &str = "GET, HEAD, POST";
/// Answers about consent that are forgotten at once.
const MAX_FORGOTTEN: usize = 50;

/// Whether a Cookie header says so.
pub(crate) fn says_so(cookies: &[u8]) -> bool {
    cookies::pairs(cookies).any(|(name, value)| name == NAME.as_bytes() && value == YES.as_bytes())
}

/// The page at [`PATH`], where visitors see and change what this host's cookies say.
pub(crate) fn page(head: &Head, host: &str, secure: bool) -> Answer {
    let is_ignored = Said::of(&head.headers, secure).signals.set.has(SignalSet::IGNORED);
    let has_answers = cookies::of(&head.headers).any(|(name, _)| consent::is_cookie(name));
    pages::own_clicks(host, is_ignored, has_answers)
}

/// Its form.
pub(crate) async fn posted(head: &Head, host: &str, secure: bool, body: &mut Incoming) -> Answer {
    if !forms::is_ours(head) {
        let mut answer = page(head, host, secure);
        *answer.status_mut() = StatusCode::FORBIDDEN;
        return answer;
    }
    let fields = match forms::read(body).await {
        Ok(fields) => fields,
        Err(why) => return answer::page(why),
    };
    let mut changed = Vec::new();
    for (name, value) in &fields {
        match (name.as_str(), value.as_str()) {
            ("ignore", YES) => changed.push(cookies::set(NAME, YES, secure)),
            ("ignore", _) => changed.push(cookies::forget(NAME, secure)),
            ("forget", _) => {
                let answers = cookies::of(&head.headers).map(|(name, _)| name).filter(|name| consent::is_cookie(name));
                changed.extend(answers.take(MAX_FORGOTTEN).map(|name| cookies::forget(name, secure)));
            }
            _ => {}
        }
    }
    let mut answer = answer::redirect(StatusCode::SEE_OTHER.as_u16(), PATH);
    for cookie in changed.into_iter().flatten() {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// The answer to a method that the page does not take.
pub(crate) fn not_taken() -> Answer {
    answer::page(Page::MethodNotAllowed(ALLOWED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// By a plain reading of it.
        #[test]
        fn only_its_own_cookie_with_this_value_says_so(line in "([ \t]?(ll_ignore|LL_ignore|x)[ ]?=?[ \t]?[01]{0,2}[ ]?;?){0,4}") {
            let wanted = line.split(';').any(|pair| pair.split_once('=').is_some_and(|(name, value)| (name.trim(), value.trim()) == (NAME, YES)));
            prop_assert_eq!(says_so(line.as_bytes()), wanted, "{}", line);
        }
    }
}
