//! Refresh tokens: opaque, 256 random bits, known to the store by their SHA-256 only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use platform::Rng;
use sha2::{Digest, Sha256};
use store::RefreshHash;

/// So that scanners for leaked secrets can know one.
const PREFIX: &str = "ll_refresh_";

/// A new token and its hash.
pub(super) fn generate(rng: &Rng) -> (String, RefreshHash) {
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rng.bytes::<32>()));
    let hash = hash(&token);
    (token, hash)
}

pub(super) fn hash(token: &str) -> RefreshHash {
    RefreshHash(Sha256::digest(token).into())
}
