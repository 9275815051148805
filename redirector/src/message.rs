//! Whether a request is one that everybody reads alike. A message that a proxy in front may read
//! otherwise than this program (RFC 9112, sections 3.2 and 6.3) is refused, and its connection
//! closed, before anything is looked up.
//!
//! What needs no body is refused with a Transfer-Encoding; what has one is believed if it is `chunked`
//! alone, without a Content-Length, which hyper passes over and `heads` finds, and nothing that follows
//! it on its connection is.
//!
//! A line may end in a bare line feed, as section 2.2 allows: hyper reads it so and does not say which
//! it was, and to look for it would cost each redirect a walk through its head. So a proxy in front must
//! not pass on line feeds within a field, which RFC 9110, section 5.5, forbids it.

use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Version};

/// The message contradicts itself, or lacks what it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    NoHost,
    SeveralHosts,
    /// A Host header that names no host.
    UnreadableHost,
    /// A Transfer-Encoding beside none at all, or other than `chunked`.
    Encoding,
    /// A Transfer-Encoding and a Content-Length.
    TwoEnds,
}

impl Malformed {
    /// What is wrong, and what to send instead.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NoHost => "This request lacks its Host header. Send one.\n",
            Self::SeveralHosts => "This request has several Host headers. Send one.\n",
            Self::UnreadableHost => {
                "The Host header of this request names no host. Write it as in go.example or go.example:8081, other letters as in xn--bcher-kva.example.\n"
            }
            Self::Encoding => {
                "The Transfer-Encoding of this request leaves open where its body ends. Send a body with POST, and with Content-Length or Transfer-Encoding: chunked alone.\n"
            }
            Self::TwoEnds => "This request has both a Content-Length and a Transfer-Encoding. Send one of them.\n",
        }
    }
}

/// The host that a request is for: that of an absolute target, else of its Host header. `None` for
/// HTTP/1.0 without one, which can only mean the host that is served here.
///
/// # Errors
/// [`Malformed`].
pub(crate) fn host(head: &Parts) -> Result<Option<&str>, Malformed> {
    let headers = &head.headers;
    if headers.contains_key(TRANSFER_ENCODING) && !(head.method == Method::POST && is_chunked_alone(headers)) {
        return Err(Malformed::Encoding);
    }
    let mut named = headers.get_all(HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return Err(Malformed::SeveralHosts);
    }
    if first.is_none() && head.version == Version::HTTP_11 {
        return Err(Malformed::NoHost);
    }
    let named = first.map(|host| host.to_str().map_err(|_| Malformed::UnreadableHost)).transpose()?;
    Ok(head.uri.host().or(named))
}

/// Whether a text can be no host with or without a port (RFC 9112, section 3.2): it is empty, or has other
/// characters than names and addresses have. Asked only of what is served nowhere.
pub(crate) fn is_no_host(host: &str) -> bool {
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(&byte);
    host.trim().is_empty() || !host.trim().bytes().all(is_of_host)
}

/// hyper takes what ends in `chunked` for that alone, whatever else a body was said to be.
fn is_chunked_alone(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let first = codings.next().is_some_and(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
    first && codings.next().is_none()
}

/// Whether there is a body that ends where its coding says.
pub(crate) fn has_coded_body<B>(request: &Request<B>) -> bool {
    is_coded(request.method(), request.headers())
}

/// Whether the connection ends with this request: its body may be read otherwise elsewhere.
pub(crate) fn is_last(head: &Parts) -> bool {
    is_coded(&head.method, &head.headers)
}

fn is_coded(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::POST && headers.contains_key(TRANSFER_ENCODING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str, version: Version, headers: &[(&str, &str)]) -> Result<Option<String>, Malformed> {
        let mut request = hyper::Request::builder().uri(target).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        host(&request.body(()).unwrap().into_parts().0).map(|host| host.map(str::to_owned))
    }

    #[test]
    fn one_host_and_one_end() {
        let host = ("host", "go.example");
        assert_eq!(of("/a", Version::HTTP_11, &[host]), Ok(Some("go.example".into())));
        assert_eq!(of("/a", Version::HTTP_10, &[]), Ok(None));
        assert_eq!(of("/a", Version::HTTP_11, &[]), Err(Malformed::NoHost));
        assert_eq!(of("/a", Version::HTTP_11, &[host, host]), Err(Malformed::SeveralHosts));
        assert_eq!(of("/a", Version::HTTP_11, &[host, ("transfer-encoding", "chunked")]), Err(Malformed::Encoding));
        // An absolute target is what counts.
        assert_eq!(of("http://other.example/a", Version::HTTP_11, &[host]), Ok(Some("other.example".into())));
    }
}
