//! Access tokens: JWTs signed with Ed25519 (RFC 8037), checked without the database.
//!
//! The key is chosen by `kid` from our own map and never from the token. A token with `crit`
//! demands something that we do not know and is refused (RFC 7515, 4.1.11).

use std::collections::HashMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{KeyId, Millis};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use platform::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::StoredKey;

/// How far ahead of ours the clock of another process may be.
const SKEW_SECONDS: i64 = 60;

/// What a token says. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub iss: String,
    pub aud: String,
    /// The user.
    pub sub: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    /// The workspace.
    pub ws: String,
    /// [`domain::Role::code`].
    pub role: i16,
    /// The session, and its version when the token was made.
    pub sid: String,
    pub ver: i32,
}

/// Claims that say when they were made and when they end, in seconds.
pub(crate) trait Timed {
    fn times(&self) -> (i64, i64);
}

impl Timed for AccessClaims {
    fn times(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Signed by a key that this process has not read yet, or that does not exist.
    UnknownKey,
    Expired,
    Wrong,
}

/// The keys by their ids; the newest signs.
#[derive(Clone)]
pub(crate) struct SigningKeys {
    issuer: String,
    current: (String, EncodingKey),
    public: HashMap<String, (DecodingKey, Vec<u8>)>,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeys").field("current", &self.current.0).finish_non_exhaustive()
    }
}

/// A new key pair for the store.
///
/// # Errors
/// When the crypto library refuses.
pub(crate) fn generate(rng: &Rng, now: Millis) -> Result<StoredKey, String> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&rng.bytes::<32>()).map_err(|error| error.to_string())?;
    let private = pair.to_pkcs8v1().map_err(|error| error.to_string())?.as_ref().to_vec();
    Ok(StoredKey { id: KeyId::new(now, rng.entropy()), private, public: pair.public_key().as_ref().to_vec(), created_at: now })
}

impl SigningKeys {
    /// `None` when there is no key.
    pub fn new(issuer: String, keys: &[StoredKey]) -> Option<Self> {
        let newest = keys.last()?;
        let public = |key: &StoredKey| (key.id.to_string(), (DecodingKey::from_ed_der(&key.public), key.public.clone()));
        Some(Self {
            issuer,
            current: (newest.id.to_string(), EncodingKey::from_ed_der(&newest.private)),
            public: keys.iter().map(public).collect(),
        })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// # Errors
    /// When the crypto library refuses.
    pub fn sign<C: Serialize>(&self, claims: &C) -> Result<String, String> {
        let header = Header { kid: Some(self.current.0.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.current.1).map_err(|error| error.to_string())
    }

    /// # Errors
    /// [`TokenError`] unless the token is ours, whole and of now.
    pub fn verify(&self, token: &str, now: Millis) -> Result<AccessClaims, TokenError> {
        self.verify_for(token, &self.issuer, now)
    }

    /// The same of a token for another audience than the API as a whole.
    pub fn verify_for<C: DeserializeOwned + Timed>(&self, token: &str, audience: &str, now: Millis) -> Result<C, TokenError> {
        let header = header(token).ok_or(TokenError::Wrong)?;
        if header.crit.is_some() {
            return Err(TokenError::Wrong);
        }
        let (key, _) = header.kid.and_then(|kid| self.public.get(&kid)).ok_or(TokenError::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // By our own clock, below.
        validation.validate_exp = false;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.issuer]);
        let claims = jsonwebtoken::decode::<C>(token, key, &validation).map_err(|_| TokenError::Wrong)?.claims;
        let now = now.0.div_euclid(1_000);
        let (iat, exp) = claims.times();
        if exp <= now {
            return Err(TokenError::Expired);
        }
        if iat > now + SKEW_SECONDS { Err(TokenError::Wrong) } else { Ok(claims) }
    }

    /// The public keys as a JWK set (RFC 7517).
    pub fn jwks(&self) -> serde_json::Value {
        let mut keys: Vec<_> = self.public.iter().collect();
        keys.sort_by_key(|(kid, _)| *kid);
        let key = |(kid, (_, public)): (&String, &(DecodingKey, Vec<u8>))| serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": URL_SAFE_NO_PAD.encode(public) });
        serde_json::json!({ "keys": keys.into_iter().map(key).collect::<Vec<_>>() })
    }
}

#[derive(Deserialize)]
struct TokenHeader {
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// The id of the key that a token says it was signed with.
pub(super) fn key_id(token: &str) -> Option<String> {
    header(token)?.kid
}

fn header(token: &str) -> Option<TokenHeader> {
    let header = token.split('.').next()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_764_000_000_000);

    fn claims() -> AccessClaims {
        let text = |text: &str| text.to_owned();
        AccessClaims {
            iss: text("http://127.0.0.1:8080"),
            aud: text("http://127.0.0.1:8080"),
            sub: text("usr_1"),
            iat: 1_764_000_000,
            exp: 1_764_000_900,
            jti: text("1"),
            ws: text("ws_1"),
            role: 0,
            sid: text("ses_1"),
            ver: 1,
        }
    }

    fn keys() -> SigningKeys {
        SigningKeys::new(claims().iss, &[generate(&Rng::seeded(3), NOW).unwrap()]).unwrap()
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let token = keys().sign(&claims()).unwrap();
        assert_eq!(keys().verify(&token, NOW), Ok(claims()));
        assert_eq!(keys().verify(&token, NOW.plus(899_999)), Ok(claims()));
        assert_eq!(keys().verify(&token, NOW.plus(900_000)), Err(TokenError::Expired));
        assert_eq!(keys().verify(&token, NOW.plus(-61_000)), Err(TokenError::Wrong));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let token = keys().sign(&claims()).unwrap();
        let other = SigningKeys::new(claims().iss, &[generate(&Rng::seeded(4), NOW).unwrap()]).unwrap();
        assert_eq!(other.verify(&token, NOW), Err(TokenError::UnknownKey));
        let elsewhere = SigningKeys { issuer: "https://other.example".into(), ..keys() };
        assert_eq!(elsewhere.verify(&token, NOW), Err(TokenError::Wrong));
        let parts: Vec<&str> = token.split('.').collect();
        let with_header = |header: serde_json::Value| format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1], parts[2]);
        let kid = keys().current.0;
        for header in [
            serde_json::json!({ "alg": "none", "kid": kid }),
            serde_json::json!({ "alg": "HS256", "kid": kid }),
            serde_json::json!({ "alg": "EdDSA", "kid": kid, "crit": ["b64"] }),
            serde_json::json!({ "alg": "EdDSA", "kid": kid }),
        ] {
            assert_eq!(keys().verify(&with_header(header), NOW), Err(TokenError::Wrong));
        }
        for text in ["", ".", "a.b.c", "e30.e30.e30"] {
            assert!(keys().verify(text, NOW).is_err(), "{text}");
        }
    }
}
