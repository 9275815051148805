//! Why a click is not logged, in words: JSON for programs, a page for whoever opened a signed
//! address. Never a redirect.

use bytes::Bytes;
use domain::{ApiScope, Invalid, Issue};
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::answer::{self, Answer, NO_STORE, Page};
use crate::cache::TooFast;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No key, or no signature.
    NoCredential,
    /// A key that is wrong, has expired or was revoked.
    BadKey,
    /// A key without the scope.
    Scope,
    /// A key that is bound to other networks.
    Network,
    /// A signature that is wrong or has expired.
    Signature,
    Invalid(Invalid),
    TooLarge,
    Slow,
    /// Its end or its pieces are not as they were announced.
    Cut,
    Media,
    /// By a key that is good.
    TooMany,
    /// By an address that has asked for too much which is not there.
    TooFast,
    Unavailable,
    /// This redirector has not got the installation's key.
    Sealed,
    /// The workspace is to be deleted.
    Closed,
    /// The method that is allowed instead.
    Method(&'static str),
}

impl From<TooFast> for Refusal {
    fn from(TooFast: TooFast) -> Self {
        Self::TooFast
    }
}

impl Refusal {
    /// Whether it tells a stranger from somebody.
    pub fn is_of_stranger(&self) -> bool {
        matches!(self.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoCredential | Self::BadKey => StatusCode::UNAUTHORIZED,
            Self::Scope | Self::Network | Self::Signature => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Cut => StatusCode::BAD_REQUEST,
            Self::Media => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany | Self::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::Sealed => StatusCode::SERVICE_UNAVAILABLE,
            Self::Closed => StatusCode::GONE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoCredential | Self::BadKey => "UNAUTHENTICATED",
            Self::Scope | Self::Network | Self::Signature => "FORBIDDEN",
            Self::Invalid(_) | Self::TooLarge | Self::Slow | Self::Cut | Self::Media | Self::Method(_) => "VALIDATION",
            Self::Closed => "NOT_FOUND",
            Self::TooMany | Self::TooFast => "RATE_LIMITED",
            Self::Unavailable | Self::Sealed => "UNAVAILABLE",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::NoCredential => "Send an API key as Authorization: Bearer ll_live_….",
            Self::BadKey => "This API key is mistyped, has expired or was revoked. Check it, or make a new one with createApiKey.",
            Self::Scope => return format!("This API key may not log clicks. Use one with the scope {}.", ApiScope::ClicksWrite.name()),
            Self::Network => "This API key is bound to networks, and this address is in none. Send from one of them, or use another key.",
            Self::Signature => "The signature is wrong or has expired.",
            Self::TooLarge => "The body has more than 16 KiB. Send less.",
            Self::Cut => "The body cannot be read: its chunks are malformed, or it ended early. Send it again, with Content-Length.",
            Self::Slow => "The body did not arrive whole within 10 seconds. Send it again.",
            Self::Media => "Send JSON with Content-Type: application/json, or a form with application/x-www-form-urlencoded.",
            Self::TooMany => "This API key logs more than 1,000 clicks a second. Send this one again in a moment.",
            Self::TooFast => "Too many requests from this address had no good key. Come again in a moment.",
            Self::Unavailable => "Keys and workspaces cannot be looked up right now. Try again in a moment.",
            Self::Sealed => "This redirector has not got the key that opens signing secrets. Its operator finds the advice on /readyz.",
            Self::Closed => "The workspace of this key is being deleted. An owner takes that back with restoreWorkspace.",
            Self::Method(allowed) => return format!("This address takes no other method than {allowed}. Send the request with it."),
            Self::Invalid(invalid) => return invalid.0.iter().map(sentence).collect::<Vec<_>>().join(" "),
        }
        .to_owned()
    }

    /// For a program.
    pub fn json(&self) -> Answer {
        let mut error = json!({ "code": self.code(), "message": self.message() });
        if let Self::Invalid(invalid) = self {
            let issue = |issue: &Issue| json!({ "path": issue.path, "code": issue.code.as_str(), "message": issue.message });
            error["issues"] = invalid.0.iter().map(issue).collect();
        }
        let body = json!({ "error": error }).to_string();
        let mut answer = Response::new(Full::from(Bytes::from(body)));
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(CACHE_CONTROL, NO_STORE);
        match self {
            Self::NoCredential => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::BadKey => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))),
            Self::TooMany | Self::TooFast | Self::Unavailable | Self::Sealed => {
                drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Self::Method(allowed) => drop(headers.insert(ALLOW, HeaderValue::from_static(allowed))),
            _ => {}
        }
        answer
    }

    /// For the person who opened a signed address.
    pub fn page(&self) -> Answer {
        let mut answer = answer::page(match self {
            Self::NoCredential => Page::Unsigned,
            Self::Invalid(_) => Page::BadTarget,
            Self::TooFast => Page::TooFast,
            Self::Unavailable | Self::Sealed => Page::Unavailable,
            Self::Closed => Page::Gone,
            Self::Method(allowed) => Page::MethodNotAllowed(allowed),
            _ => Page::WrongSignature,
        });
        if *self == Self::NoCredential {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Signature"));
        }
        answer
    }
}

/// An issue for whoever reads no list of them.
fn sentence(issue: &Issue) -> String {
    if issue.path.is_empty() { issue.message.clone() } else { format!("{}: {}", issue.path, issue.message) }
}
