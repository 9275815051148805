//! Whether a request is one that everybody reads alike. A message that a proxy in front may read
//! otherwise than this program (RFC 9112, sections 3.2 and 6.3) is refused, and its connection
//! closed, before anything is looked up.
//!
//! hyper passes over a Content-Length beside a Transfer-Encoding, so the two cannot be told from the
//! latter alone. What needs no body is refused with a Transfer-Encoding; what has one is believed, and
//! nothing that follows it on its connection is.

use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, Version};

/// The message contradicts itself, or lacks what it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The host that a request is for: that of an absolute target, else of its Host header. `None` for
/// HTTP/1.0 without one, which can only mean the host that is served here.
///
/// # Errors
/// [`Malformed`] when there are several Host headers, none although HTTP/1.1 wants one, one that is
/// no text, or a Transfer-Encoding with a method that needs no body.
pub(crate) fn host(head: &Parts) -> Result<Option<&str>, Malformed> {
    let headers = &head.headers;
    if head.method != Method::POST && headers.contains_key(TRANSFER_ENCODING) {
        return Err(Malformed);
    }
    let mut named = headers.get_all(HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() || (first.is_none() && head.version == Version::HTTP_11) {
        return Err(Malformed);
    }
    let named = first.map(|host| host.to_str().map_err(|_| Malformed)).transpose()?;
    Ok(head.uri.host().or(named))
}

/// Whether the connection ends with this request: its body may be read otherwise elsewhere.
pub(crate) fn is_last(head: &Parts) -> bool {
    head.method == Method::POST && head.headers.contains_key(TRANSFER_ENCODING)
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
        assert_eq!(of("/a", Version::HTTP_11, &[]), Err(Malformed));
        assert_eq!(of("/a", Version::HTTP_11, &[host, host]), Err(Malformed));
        assert_eq!(of("/a", Version::HTTP_11, &[host, ("transfer-encoding", "chunked")]), Err(Malformed));
        // An absolute target is what counts.
        assert_eq!(of("http://other.example/a", Version::HTTP_11, &[host]), Ok(Some("other.example".into())));
    }
}
