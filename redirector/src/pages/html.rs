//! Pages with texts of users in them. Every such text goes through [`escaped`].

use std::fmt::{self, Write as _};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};

use crate::answer::{Answer, NO_STORE, ROBOTS_TAG};

/// A text as it may stand between tags and in quoted attributes.
pub(super) struct Escaped<'a>(&'a str);

pub(super) fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A page of that content policy, as no cache may keep it.
pub(super) fn page(html: String, policy: HeaderValue) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(html)));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(ROBOTS_TAG, HeaderValue::from_static("noindex"));
    answer
}

/// The host (and port) of an address that the URL parser wrote.
pub(crate) fn host_of(target: &str) -> &str {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_tag_or_an_attribute() {
        assert_eq!(escaped("<b a=\"'&\">ü").to_string(), "&lt;b a=&quot;&#39;&amp;&quot;&gt;ü");
    }

    #[test]
    fn hosts() {
        for target in ["https://example.com:8443/a?b#c", "https://example.com:8443?x=/", "https://example.com:8443#/"] {
            assert_eq!(host_of(target), "example.com:8443");
        }
    }
}
