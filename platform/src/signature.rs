//! Signatures of addresses: HMAC-SHA-256 (RFC 2104), as base64url without padding.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The signature of a text under a secret, whose bytes are the key as they stand.
pub fn signature_of(secret: &[u8], text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sign(&Key::new(HMAC_SHA256, secret), text.as_bytes()))
}

/// Whether this is the signature, compared in constant time. Padding may be there.
pub fn is_signature(secret: &[u8], text: &str, signature: &str) -> bool {
    let Ok(tag) = URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')) else { return false };
    verify(&Key::new(HMAC_SHA256, secret), text.as_bytes(), &tag).is_ok()
}

/// Whether two secrets are the same, compared in constant time.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4231() {
        // Test case 2.
        let signature = signature_of(b"Jefe", "what do ya want for nothing?");
        assert_eq!(signature, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
        assert!(is_signature(b"Jefe", "what do ya want for nothing?", &signature));
        assert!(is_signature(b"Jefe", "what do ya want for nothing?", &format!("{signature}=")));
        assert!(!is_signature(b"Jefe", "what do ya want for nothing!", &signature));
        assert!(!is_signature(b"Jeff", "what do ya want for nothing?", &signature));
        for wrong in ["", "=", "!", &signature[..42], &signature[..20]] {
            assert!(!is_signature(b"Jefe", "what do ya want for nothing?", wrong), "{wrong}");
        }
    }
}
