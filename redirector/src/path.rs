//! What the path of a request names.

use std::borrow::Cow;

use domain::LinkAddress;

use crate::domains::Place;
use crate::ignored;
use crate::logged::Entrance;

/// What a path names at a place.
#[derive(Debug)]
pub(crate) enum Named {
    Link(LinkAddress),
    Entrance(Entrance),
    /// Where visitors say that their clicks are their own.
    OwnClicks,
    /// No link: a document, what is shown beside a link, or nothing.
    Other,
}

impl Named {
    pub fn of(place: &Place, path: &str) -> Self {
        if let (Place::Shared, Some(entrance)) = (place, Entrance::of(path)) {
            return Self::Entrance(entrance);
        }
        if path == ignored::PATH && matches!(place, Place::Shared | Place::Own(_)) {
            return Self::OwnClicks;
        }
        place.address(path).map_or(Self::Other, Self::Link)
    }
}

/// The path without needless encoding: letters, digits and `-._~` mean the same encoded or not (RFC
/// 3986, section 6.2.2.2). Everything else stays as it was written, and nothing is decoded twice.
pub(crate) fn plain(path: &str) -> Cow<'_, str> {
    let Some((start, mut rest)) = path.split_once('%') else { return Cow::Borrowed(path) };
    let mut plain = String::with_capacity(path.len());
    plain.push_str(start);
    loop {
        match unreserved(rest) {
            Some(character) => {
                plain.push(character);
                rest = &rest[2..];
            }
            None => plain.push('%'),
        }
        let Some((before, after)) = rest.split_once('%') else { break };
        plain.push_str(before);
        rest = after;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The character that two hexadecimal digits encode needlessly.
fn unreserved(text: &str) -> Option<char> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')).then_some(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn only_what_needs_no_encoding_is_decoded_and_once() {
        for (written, path) in [
            ("/Case", "/Case"),
            ("/%43ase", "/Case"),
            ("/%43%61%73%65%2d%5F%7e%2E", "/Case-_~."),
            ("/a%2Fb%20%00%2b%25", "/a%2Fb%20%00%2b%25"),
            ("/%2543", "/%2543"),
            ("/%%34%31", "/%41"),
            ("/%c3%a4%41", "/%c3%a4A"),
            ("/%c1%81", "/%c1%81"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%4g%+4% 4", "/%4g%+4% 4"),
            ("/%4\u{fc}%\u{fc}%41", "/%4\u{fc}%\u{fc}A"),
        ] {
            assert_eq!(plain(written), path, "{written}");
        }
    }
}
