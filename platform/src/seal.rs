//! Sealing: secrets that must be read again are kept and passed on under the installation's key
//! only, by AES-256-GCM. What is sealed is bound to what it is for, so that one cannot be put in
//! another's place.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::Rng;

/// The form of what is sealed.
const FORM: u8 = 1;

/// The key of an installation: 32 bytes that all its processes share.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(hidden)")
    }
}

/// A sealed text that this key does not open: it was sealed under another, for something else, or
/// was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed cannot be opened with this installation's key")]
pub struct SealError;

impl SealKey {
    /// A new key.
    pub fn generate(rng: &Rng) -> Self {
        Self(rng.bytes())
    }

    /// A key of these bytes.
    pub fn of(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits or base64 of 32 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = hex(text).or_else(|| {
            [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD].into_iter().find_map(|engine| engine.decode(text).ok())
        })?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The key as text, for its file.
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.0)
    }

    fn cipher(&self) -> Result<LessSafeKey, SealError> {
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0).map_err(|_| SealError)?))
    }

    /// Seals `secret` for one purpose, which must be named again to open it. The text has letters,
    /// digits, `-` and `_` only.
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses, which it does for more than 64 GiB.
    pub fn seal(&self, purpose: &str, secret: &[u8], rng: &Rng) -> Result<String, SealError> {
        // 96 random bits: safe for 2^32 secrets under one key (NIST SP 800-38D, 8.3).
        let nonce: [u8; NONCE_LEN] = rng.bytes();
        let mut body = secret.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.cipher()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body).map_err(|_| SealError)?;
        Ok(URL_SAFE_NO_PAD.encode([&[FORM], &nonce[..], &body].concat()))
    }

    /// Opens what was sealed for this purpose.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError)?;
        let (&FORM, rest) = sealed.split_first().ok_or(SealError)? else { return Err(SealError) };
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut body = body.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let length = self.cipher()?.open_in_place(nonce, aad, &mut body).map_err(|_| SealError)?.len();
        body.truncate(length);
        Ok(body)
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text.as_bytes())?;
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_purpose_open_it_unchanged() {
        let rng = Rng::seeded(1);
        let (key, other) = (SealKey::generate(&rng), SealKey::generate(&rng));
        let sealed = key.seal("signing ws_1", b"secret", &rng).unwrap();
        assert_eq!(key.open("signing ws_1", &sealed).unwrap(), b"secret");
        assert_ne!(sealed, key.seal("signing ws_1", b"secret", &rng).unwrap());
        assert_eq!(other.open("signing ws_1", &sealed), Err(SealError));
        assert_eq!(key.open("signing ws_2", &sealed), Err(SealError));
        for at in 0..sealed.len() {
            let mut wrong = sealed.clone().into_bytes();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open("signing ws_1", &String::from_utf8(wrong).unwrap()), Err(SealError), "{at}");
        }
        for wrong in ["", "!", "AQ", &sealed[..sealed.len() - 4]] {
            assert_eq!(key.open("signing ws_1", wrong), Err(SealError), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "SealKey(hidden)");
    }

    #[test]
    fn keys_are_read_in_the_forms_that_tools_write() {
        let key = SealKey([0xfb; 32]);
        let base64 = key.to_text();
        for text in [
            &"fb".repeat(32),
            &"FB".repeat(32),
            &base64,
            &format!(" {base64}\n"),
            base64.trim_end_matches('='),
            &base64.replace('/', "_").replace('+', "-"),
        ] {
            assert_eq!(SealKey::parse(text), Some(key.clone()), "{text}");
        }
        for text in ["", "secret", &"fb".repeat(31), &"fg".repeat(32), &STANDARD.encode([1; 31])] {
            assert_eq!(SealKey::parse(text), None, "{text}");
        }
    }
}
