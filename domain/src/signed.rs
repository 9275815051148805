//! Signed addresses: `/r?u=<target>&w=<workspace>&exp=<unix seconds>&…&sig=<signature>`.
//!
//! What is signed is one text: the line `linklogger-redirect-v1`, a line end, and every parameter
//! but `sig`, each written as name=value with all bytes of UTF-8 percent-encoded (upper case) but
//! `A-Z a-z 0-9 - . _ ~` (RFC 3986), these sorted by their bytes and joined by `&`. So neither the
//! order of the parameters nor the way they were encoded matters, and none can be changed, added
//! or left out.

use std::fmt::Write as _;

use url::form_urlencoded;

use crate::{Issue, IssueCode, Millis, ShortDomain, WorkspaceId};

/// The path of signed addresses, without its slash.
pub const SIGNED_PATH: &str = "r";
const FIRST_LINE: &str = "linklogger-redirect-v1\n";
/// How far ahead an address may end.
pub const MAX_SIGNED_DAYS: i64 = 400;
/// Parameters that are read for themselves.
const OWN: [&str; 4] = ["u", "w", "exp", "sig"];

/// A signed address as it came in, before anything about it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    pub workspace: WorkspaceId,
    pub target: String,
    pub expires_at: Millis,
    pub signature: String,
    /// What the signature must be of.
    pub text: String,
    /// All other parameters, in their order.
    pub others: Vec<(String, String)>,
}

/// Why an address is none that could be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSigned {
    /// There is no signature at all.
    Missing,
    /// A parameter is missing, there twice, or cannot be read.
    Malformed,
}

impl SignedRequest {
    /// # Errors
    /// [`NotSigned`].
    pub fn read(query: &str) -> Result<Self, NotSigned> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let one = |name: &str| {
            let mut found = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
            found.next().filter(|value| !value.is_empty() && found.next().is_none())
        };
        if !pairs.iter().any(|(key, value)| key == "sig" && !value.is_empty()) {
            return Err(NotSigned::Missing);
        }
        let [target, workspace, expires, signature] = OWN.map(|name| one(name).ok_or(NotSigned::Malformed));
        let seconds: i64 = expires?.parse().map_err(|_| NotSigned::Malformed)?;
        Ok(Self {
            workspace: workspace?.parse().map_err(|_| NotSigned::Malformed)?,
            target: target?.clone(),
            expires_at: Millis(seconds.saturating_mul(1_000)),
            signature: signature?.clone(),
            text: text_to_sign(&pairs),
            others: pairs.iter().filter(|(key, _)| !OWN.contains(&key.as_str())).cloned().collect(),
        })
    }
}

/// The text whose signature is `sig`.
pub fn text_to_sign(pairs: &[(String, String)]) -> String {
    let mut encoded: Vec<String> =
        pairs.iter().filter(|(key, _)| key != "sig").map(|(key, value)| format!("{}={}", percent(key), percent(value))).collect();
    encoded.sort_unstable();
    format!("{FIRST_LINE}{}", encoded.join("&"))
}

/// The address of these parameters with its signature.
pub fn signed_url(own: &ShortDomain, pairs: &[(String, String)], signature: &str) -> String {
    let query = pairs.iter().map(|(key, value)| format!("{}={}", percent(key), percent(value))).collect::<Vec<_>>().join("&");
    own.short_url(&format!("{SIGNED_PATH}?{query}&sig={signature}"))
}

/// # Errors
/// An issue at `expiresAt` unless it lies within the next 400 days.
pub fn check_signed_end(expires_at: Millis, now: Millis) -> Result<(), Issue> {
    let most = now.plus(MAX_SIGNED_DAYS * 24 * 3_600 * 1_000);
    if expires_at > now && expires_at <= most {
        return Ok(());
    }
    Err(Issue::new("expiresAt", IssueCode::OutOfRange, "A signed address must end in the future, within the next 400 days."))
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> WorkspaceId {
        WorkspaceId::new(Millis(1), [1; 10])
    }

    #[test]
    fn order_and_encoding_do_not_matter_and_everything_else_does() {
        let ws = workspace();
        let read = |query: &str| SignedRequest::read(query).unwrap();
        let one = read(&format!("u=https%3A%2F%2Fexample.com%2Fa%20b&w={ws}&exp=1800000000&utm_source=M%C3%BCnchen~&sig=x"));
        let other = read(&format!("sig=y&utm_source=M%c3%bcnchen%7E&exp=1800000000&u=https://example.com/a+b&w={ws}"));
        assert_eq!(one.text, other.text);
        assert_eq!(
            one.text,
            format!("linklogger-redirect-v1\nexp=1800000000&u=https%3A%2F%2Fexample.com%2Fa%20b&utm_source=M%C3%BCnchen~&w={ws}")
        );
        assert_eq!((one.workspace, one.target.as_str(), one.expires_at), (ws, "https://example.com/a b", Millis(1_800_000_000_000)));
        assert_eq!(one.others, vec![("utm_source".to_owned(), "München~".to_owned())]);
        let more = read(&format!("u=https://example.com/a+b&w={ws}&exp=1800000000&utm_source=M%C3%BCnchen~&x=1&sig=x"));
        assert_ne!(more.text, one.text);
    }

    #[test]
    fn what_is_missing_or_there_twice() {
        let ws = workspace();
        let whole = format!("u=https://example.com/&w={ws}&exp=1800000000");
        for query in ["", &whole, "sig=", &format!("{whole}&sig=")] {
            assert_eq!(SignedRequest::read(query), Err(NotSigned::Missing), "{query}");
        }
        for query in [
            format!("{whole}&sig=x&u=https://evil.example/"),
            format!("{whole}&sig=x&sig=y"),
            format!("{whole}&sig=x&w={ws}"),
            format!("u=&w={ws}&exp=1&sig=x"),
            format!("u=https://example.com/&w={ws}&exp=soon&sig=x"),
            "u=https://example.com/&w=me&exp=1&sig=x".to_owned(),
            format!("u=https://example.com/&w={ws}&sig=x"),
        ] {
            assert_eq!(SignedRequest::read(&query), Err(NotSigned::Malformed), "{query}");
        }
        let forever = SignedRequest::read(&format!("u=x&w={ws}&exp={}&sig=x", i64::MAX)).unwrap();
        assert!(check_signed_end(forever.expires_at, Millis(5)).is_err());
        assert!(check_signed_end(Millis(5), Millis(5)).is_err() && check_signed_end(Millis(6), Millis(5)).is_ok());
    }
}
