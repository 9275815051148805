//! Cookies of the redirector's own, each for the host that set it alone.

use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue};

/// Never more than 13 months, of which the shortest are 393 days.
pub(crate) const MAX_AGE_DAYS: i64 = 393;

/// What a Cookie header says, as names and values.
pub(crate) fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| *byte == b';').filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((pair[..at].trim_ascii(), pair[at + 1..].trim_ascii()))
    })
}

/// The cookies of a request whose names and values are text.
pub(crate) fn of(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().flat_map(|line| pairs(line.as_bytes()));
    lines.filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?)))
}

/// Out of reach of scripts, and not sent where another site embeds or posts.
pub(crate) fn set(name: &str, value: &str, secure: bool) -> Option<HeaderValue> {
    written(name, value, MAX_AGE_DAYS * 24 * 3_600, secure)
}

/// Makes the browser forget one.
pub(crate) fn forget(name: &str, secure: bool) -> Option<HeaderValue> {
    written(name, "", 0, secure)
}

fn written(name: &str, value: &str, seconds: i64, secure: bool) -> Option<HeaderValue> {
    let end = if secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{end}")).ok()
}
