//! Slugs: the path of a short link.

use crate::{Issue, IssueCode};

/// Length of a generated slug. 31^7 is 27 thousand million, so a collision is rare and retried.
pub const GENERATED_SLUG_LENGTH: usize = 7;

/// No `0 o 1 i l`: nobody has to guess when reading a slug from paper.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
const MAX_LENGTH: usize = 64;
/// Paths of the redirector that are no links.
const RESERVED: [&str; 4] = ["ll-ignore", "log-and-redirect", "r", "well-known"];

/// 1 to 64 ASCII letters, digits, `-` and `_`; kept as written, unique without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Slug(String);

impl Slug {
    /// # Errors
    /// An issue at `slug` saying which rule is broken.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let refuse = |code, message: &str| Err(Issue::new("slug", code, message));
        if text.is_empty() {
            return refuse(IssueCode::Required, "Enter a slug, or leave it out to get a generated one.");
        }
        if text.len() > MAX_LENGTH {
            return refuse(IssueCode::TooLong, "Use at most 64 characters in a slug.");
        }
        if !text.bytes().all(is_slug_byte) {
            return refuse(IssueCode::Invalid, "Use only the letters a to z, digits, hyphens and underscores in a slug.");
        }
        if RESERVED.contains(&text.to_ascii_lowercase().as_str()) {
            return refuse(IssueCode::NotAllowed, "This slug is reserved. Choose another one.");
        }
        Ok(Self(text.to_owned()))
    }

    /// A slug from random bytes. Bytes of 248 and above would favour some letters, so the caller
    /// draws again for as long as `None` comes back.
    pub fn generate(random: impl IntoIterator<Item = u8>) -> Option<Self> {
        let text: String = random
            .into_iter()
            .filter(|byte| usize::from(*byte) < ALPHABET.len() * 8)
            .take(GENERATED_SLUG_LENGTH)
            .map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]))
            .collect();
        (text.len() == GENERATED_SLUG_LENGTH).then_some(Self(text))
    }

    /// A slug read back from the store, where only parsed ones are written.
    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is unique and looked up.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The form that is unique and looked up on a domain that may tell slugs apart by case.
    pub fn key(&self, case_sensitive: bool) -> String {
        if case_sensitive { self.0.clone() } else { self.folded() }
    }

    /// The form of a request's path that is looked up, or `None` where it cannot be a slug.
    pub fn key_of_path(path: &str, case_sensitive: bool) -> Option<String> {
        if case_sensitive { is_slug(path).then(|| path.to_owned()) } else { Self::fold_path(path) }
    }

    /// Whether a text can be one, be it reserved.
    pub fn can_be(text: &str) -> bool {
        is_slug(text)
    }

    /// The folded form of a request's path, or `None` where it cannot be a slug.
    pub fn fold_path(path: &str) -> Option<String> {
        is_slug(path).then(|| path.to_ascii_lowercase())
    }
}

fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(is_slug_byte)
}

fn is_slug_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_slugs_have_no_look_alikes() {
        let slug = Slug::generate(0..=255).unwrap();
        assert_eq!(slug.as_str().len(), GENERATED_SLUG_LENGTH);
        for byte in 0..=247 {
            let slug = Slug::generate([byte; GENERATED_SLUG_LENGTH]).unwrap();
            assert!(!slug.as_str().contains(['0', 'o', '1', 'i', 'l']));
        }
        assert_eq!(Slug::generate([250; 100]), None);
    }

    #[test]
    fn what_a_person_may_choose() {
        assert!(Slug::parse("Spring_Sale-26").is_ok());
        for text in ["", "a b", "ümlaut", "a/b", "a+", "log-and-redirect", "Log-And-Redirect", "R", "ll-ignore", &"x".repeat(65)] {
            assert_eq!(Slug::parse(text).unwrap_err().path, "slug", "{text}");
        }
    }
}
