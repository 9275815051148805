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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read(line in vec(any::<u8>(), 0..80), known in "([a-c]|=|;| |\t|\"|ll_ignore=1){0,30}") {
            for line in [&line[..], known.as_bytes()] {
                for (name, value) in pairs(line) {
                    prop_assert!(!name.contains(&b'=') && !name.contains(&b';') && !value.contains(&b';'));
                    prop_assert_eq!((name, value), (name.trim_ascii(), value.trim_ascii()));
                }
            }
        }

        /// As a browser sends back what was set, among others.
        #[test]
        fn what_is_set_is_read(
            name in "ll_[a-z]{1,9}", value in "[A-Za-z0-9_-]{0,60}", secure: bool, others in vec("[a-k]{1,3}=[ -:<-~]{0,9}", 0..4), at in 0..5_usize,
        ) {
            let set = set(&name, &value, secure).unwrap();
            let set = set.to_str().unwrap();
            prop_assert_eq!(set.ends_with("; Secure"), secure);
            let mut sent = others.clone();
            sent.insert(at.min(others.len()), set.split(';').next().unwrap().to_owned());
            // In one line or, as HTTP/2 allows, in several.
            for lines in [vec![sent.join("; ")], sent] {
                let lines = lines.iter().map(|line| (COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap()));
                let headers: HeaderMap = lines.collect();
                let read: Vec<_> = of(&headers).filter(|(known, _)| *known == name).collect();
                prop_assert_eq!(read, [(name.as_str(), value.as_str())]);
                prop_assert_eq!(of(&headers).count(), others.len() + 1);
            }
        }
    }
}
