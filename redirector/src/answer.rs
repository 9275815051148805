//! What the redirector says. These pages are constant, and nothing a visitor sends is ever shown back;
//! those with texts of a link's owner are in `pages`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::message::Malformed;

pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
pub(crate) const ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// Sends the visitor on.
pub(crate) fn redirect(status: u16, target: &str) -> Answer {
    // A target was serialised by the URL parser when it was saved, so it is always a header value.
    let Ok(location) = HeaderValue::from_str(target) else { return page(Page::Unavailable) };
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND);
    let headers = answer.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(ROBOTS_TAG, HeaderValue::from_static("noindex"));
    answer
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Root,
    NotFound,
    Gone,
    /// Switched off by the link's owner.
    Disabled,
    /// Before its start.
    Early,
    Expired,
    /// The click limit is reached.
    Limit,
    Password,
    WrongPassword,
    TooManyPasswords,
    /// Its end or its pieces are not as they were announced.
    CutForm,
    LongForm,
    SlowForm,
    /// Too much was asked for that is no redirect.
    TooFast,
    /// The methods that are allowed instead.
    MethodNotAllowed(&'static str),
    Unavailable,
    /// Only fetched ahead: the browser asks again when its person goes there.
    Ahead,
    /// A signed address without its signature.
    Unsigned,
    /// A signature that is wrong or has expired.
    WrongSignature,
    /// A signed address that leads where no link may.
    BadTarget,
}

impl Page {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Root | Self::Password => StatusCode::OK,
            Self::NotFound | Self::Disabled | Self::Early => StatusCode::NOT_FOUND,
            Self::Gone | Self::Expired | Self::Limit => StatusCode::GONE,
            Self::WrongPassword => StatusCode::FORBIDDEN,
            Self::TooManyPasswords | Self::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable | Self::Ahead => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unsigned => StatusCode::UNAUTHORIZED,
            Self::WrongSignature => StatusCode::FORBIDDEN,
            Self::BadTarget | Self::CutForm => StatusCode::BAD_REQUEST,
            Self::LongForm => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowForm => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn has_form(self) -> bool {
        matches!(self, Self::Password | Self::WrongPassword)
    }
}

struct Pages {
    root: Bytes,
    not_found: Bytes,
    gone: Bytes,
    disabled: Bytes,
    early: Bytes,
    expired: Bytes,
    limit: Bytes,
    password: Bytes,
    wrong_password: Bytes,
    too_many_passwords: Bytes,
    cut_form: Bytes,
    long_form: Bytes,
    slow_form: Bytes,
    too_fast: Bytes,
    method_not_allowed: Bytes,
    unavailable: Bytes,
    ahead: Bytes,
    unsigned: Bytes,
    wrong_signature: Bytes,
    bad_target: Bytes,
}

static PAGES: LazyLock<Pages> = LazyLock::new(|| Pages {
    root: html("Short links", "This address serves short links.", "There is nothing to see here without one."),
    not_found: html(
        "Link not found",
        "This short link does not exist.",
        "Check that it was copied completely, or ask whoever gave it to you.",
    ),
    gone: html("Link removed", "This short link has been removed.", "Ask whoever gave it to you for a new one."),
    disabled: html("Link switched off", "This short link is switched off.", "Ask whoever gave it to you about it."),
    early: html("Not yet", "This short link does not lead anywhere yet.", "Come back later, or ask whoever gave it to you when it starts."),
    expired: html("Link expired", "This short link has expired.", "Ask whoever gave it to you for a new one."),
    limit: html("Link used up", "This short link has been used as often as it may be.", "Ask whoever gave it to you for a new one."),
    password: form("Enter the password that came with the link."),
    wrong_password: form("That was not the right password. Try again."),
    too_many_passwords: html("Too many attempts", "Too many passwords were tried.", "Please wait a minute, then open the link again."),
    cut_form: html("Not sent whole", "The form did not arrive whole.", "Open the link again and send it once more."),
    long_form: html("Too long", "The form is longer than 8 KiB.", "Open the link again and enter less."),
    slow_form: html("Too slow", "The form did not arrive within 10 seconds.", "Open the link again and send it once more."),
    too_fast: html("Too many requests", "Too many links were asked for that do not exist.", "Please try again in a moment."),
    method_not_allowed: html("Not possible", "A short link can only be opened.", "Use GET or HEAD."),
    unavailable: html("Try again", "This link cannot be looked up right now.", "Please try again in a moment."),
    ahead: html("Not fetched ahead", "A short link is not fetched ahead.", "Open it to go where it leads."),
    unsigned: html("Link not complete", "This link lacks its signature.", "Check that it was copied completely."),
    wrong_signature: html("Link not valid", "This link is not valid, or not any more.", "Ask whoever gave it to you for a new one."),
    bad_target: html("Link not valid", "This link leads nowhere that it may lead to.", "Ask whoever gave it to you for a new one."),
});

/// Allows the page's own style and nothing else.
pub(crate) const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Lets the form reach this address, and wherever the answer to it leads: browsers hold the redirect
/// that follows a form to this rule as well.
pub(crate) const FORM_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' https: http:";

fn form(advice: &str) -> Bytes {
    let field = "<form method=\"post\"><p><input type=\"password\" name=\"password\" aria-label=\"Password\" \
                 autocomplete=\"off\" maxlength=\"128\" required autofocus> <button>Open</button></p></form>";
    html("Password needed", "This link needs a password.", &format!("{advice}</p>{field}<p>"))
}

fn html(title: &str, headline: &str, advice: &str) -> Bytes {
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>:root{{color-scheme:light dark}}body{{font:1.1rem/1.5 system-ui,sans-serif;display:grid;\
         place-content:center;min-height:90vh;margin:0;padding:1rem;text-align:center}}h1{{font-size:1.5rem;margin:0}}\
         p{{opacity:.75;margin:.5rem 0}}</style><main><h1>{headline}</h1><p>{advice}</p></main></html>"
    );
    page.into()
}

pub(crate) fn page(page: Page) -> Answer {
    let body = match page {
        Page::Root => &PAGES.root,
        Page::NotFound => &PAGES.not_found,
        Page::Gone => &PAGES.gone,
        Page::Disabled => &PAGES.disabled,
        Page::Early => &PAGES.early,
        Page::Expired => &PAGES.expired,
        Page::Limit => &PAGES.limit,
        Page::Password => &PAGES.password,
        Page::WrongPassword => &PAGES.wrong_password,
        Page::TooManyPasswords => &PAGES.too_many_passwords,
        Page::CutForm => &PAGES.cut_form,
        Page::LongForm => &PAGES.long_form,
        Page::SlowForm => &PAGES.slow_form,
        Page::TooFast => &PAGES.too_fast,
        Page::MethodNotAllowed(_) => &PAGES.method_not_allowed,
        Page::Unavailable => &PAGES.unavailable,
        Page::Ahead => &PAGES.ahead,
        Page::Unsigned => &PAGES.unsigned,
        Page::WrongSignature => &PAGES.wrong_signature,
        Page::BadTarget => &PAGES.bad_target,
    };
    let mut answer = Response::new(Full::new(body.clone()));
    *answer.status_mut() = page.status();
    let policy = if page.has_form() { FORM_POLICY } else { PAGE_POLICY };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(ROBOTS_TAG, HeaderValue::from_static("noindex"));
    match page {
        Page::MethodNotAllowed(allowed) => drop(headers.insert(ALLOW, HeaderValue::from_static(allowed))),
        // The least rate is one a second.
        Page::Unavailable | Page::TooFast => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
        Page::TooManyPasswords => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("60"))),
        // What comes of the rest is nobody's next request.
        Page::CutForm | Page::LongForm | Page::SlowForm => drop(headers.insert(CONNECTION, HeaderValue::from_static("close"))),
        _ => {}
    }
    answer
}

/// Refuses a message that others may read otherwise, and what follows it on the connection.
pub(crate) fn malformed(why: Malformed) -> Answer {
    let mut answer = Response::new(Full::from(why.advice()));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Crawlers may ask, unless the domain's owner says otherwise; each link says `noindex` for itself.
pub(crate) fn robots(own: Option<&str>) -> Answer {
    document(own.unwrap_or("User-agent: *\nDisallow:\n").to_owned(), "text/plain; charset=utf-8")
}

/// What a domain's owner wrote, never taken for anything else than its type.
pub(crate) fn document(text: String, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(text));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// What every answer says: it is what it says it is.
pub(crate) fn sealed(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
