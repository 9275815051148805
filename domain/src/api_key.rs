//! API keys: `ll_live_<id>_<secret><checksum>`, for programs that act for a workspace. Only the
//! secret's hash is kept; the checksum tells a mistyped key without a look-up, and lets scanners
//! for leaked secrets know one.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::id::{decode, encode};
use crate::network::parse_network;
use crate::{ApiKeyId, Issue, IssueCode, Millis, WorkspaceId};

const PREFIX: &str = "ll_live_";
/// 256 bits in base 32.
const SECRET_LENGTH: usize = 52;
const CHECKSUM_LENGTH: usize = 6;
const MAX_NAME: usize = 100;
const MAX_NETWORKS: usize = 32;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum ApiScope {
    #[serde(rename = "links:read")]
    LinksRead,
    #[serde(rename = "links:write")]
    LinksWrite,
    #[serde(rename = "clicks:read")]
    ClicksRead,
    #[serde(rename = "clicks:write")]
    ClicksWrite,
    #[serde(rename = "conversions:write")]
    ConversionsWrite,
}

impl ApiScope {
    pub const ALL: [Self; 5] = [Self::LinksRead, Self::LinksWrite, Self::ClicksRead, Self::ClicksWrite, Self::ConversionsWrite];

    /// What users call it: its name in the GraphQL schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinksRead => "LINKS_READ",
            Self::LinksWrite => "LINKS_WRITE",
            Self::ClicksRead => "CLICKS_READ",
            Self::ClicksWrite => "CLICKS_WRITE",
            Self::ConversionsWrite => "CONVERSIONS_WRITE",
        }
    }

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LinksRead => "links:read",
            Self::LinksWrite => "links:write",
            Self::ClicksRead => "clicks:read",
            Self::ClicksWrite => "clicks:write",
            Self::ConversionsWrite => "conversions:write",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// SHA-256 of a key's secret, which has 256 random bits and so needs no slow hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ApiKeyHash(pub [u8; 32]);

/// A key as it is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedKey {
    pub id: ApiKeyId,
    pub hash: ApiKeyHash,
}

/// What a key is good for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ApiKeyRight {
    pub workspace: WorkspaceId,
    pub hash: ApiKeyHash,
    pub scopes: Vec<ApiScope>,
    /// The first instant at which it is good for nothing.
    pub expires_at: Option<Millis>,
    /// Where it may be used from; empty is everywhere.
    pub networks: Vec<IpNet>,
}

/// What became of a key, as it is written down in the snapshot of links: unknown fields are
/// ignored, and a field that is added needs `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ApiKeyState {
    pub id: ApiKeyId,
    /// Raised by every change.
    pub version: i32,
    /// None once it is revoked.
    pub right: Option<ApiKeyRight>,
}

/// Whether a text means to be an API key.
pub fn is_api_key(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// The text of a new key, to be shown once, and what is kept of it.
pub fn compose_api_key(id: ApiKeyId, secret: [u8; 32]) -> (String, ApiKeyHash) {
    let (high, low) = secret.split_at(16);
    let half = |bytes: &[u8]| encode(bytes.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte)));
    let mut text = format!("{PREFIX}{}_{}{}", encode(id.0.as_u128()), half(high), half(low));
    let hash = hash_of(&text[text.len() - SECRET_LENGTH..]);
    let sum = checksum(&text);
    let _ = write!(text, "{sum}");
    (text, hash)
}

/// Reads a key; `None` for what cannot be one.
pub fn read_api_key(text: &str) -> Option<PresentedKey> {
    if !text.is_ascii() {
        return None;
    }
    let (body, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_LENGTH)?)?;
    let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
    (secret.len() == SECRET_LENGTH && checksum(body) == sum)
        .then(|| Some(PresentedKey { id: ApiKeyId(uuid::Uuid::from_u128(decode(id).ok()?)), hash: hash_of(secret) }))?
}

fn hash_of(secret: &str) -> ApiKeyHash {
    ApiKeyHash(Sha256::digest(secret).into())
}

/// 30 bits of SHA-256 in base 32.
fn checksum(body: &str) -> String {
    let digest = Sha256::digest(body);
    let bits = digest.iter().take(4).fold(0_u128, |value, byte| value << 8 | u128::from(*byte)) >> 2;
    encode(bits).split_off(26 - CHECKSUM_LENGTH)
}

impl ApiKeyRight {
    pub fn has(&self, scope: ApiScope) -> bool {
        self.scopes.contains(&scope)
    }

    pub fn is_over(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether it may be used from this address.
    pub fn allows(&self, ip: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&ip.to_canonical()))
    }
}

/// The name of a key, of at most 100 characters.
///
/// # Errors
/// An issue at `name`.
pub fn parse_key_name(text: &str) -> Result<String, Issue> {
    let text = text.trim();
    let refuse = |code, message: &str| Err(Issue::new("name", code, message));
    match text.chars().count() {
        0 => refuse(IssueCode::Required, "Enter a name, so that you know the key again."),
        1..=MAX_NAME if text.chars().any(char::is_control) => {
            refuse(IssueCode::Invalid, "Remove line breaks and other control characters here.")
        }
        1..=MAX_NAME => Ok(text.to_owned()),
        _ => refuse(IssueCode::TooLong, "Use at most 100 characters here."),
    }
}

/// The networks that a key may be used from: CIDRs or single addresses, at most 32.
///
/// # Errors
/// An issue at `networks`, or at the first that cannot be read.
pub fn parse_key_networks(texts: &[String]) -> Result<Vec<IpNet>, Issue> {
    if texts.len() > MAX_NETWORKS {
        return Err(Issue::new("networks", IssueCode::TooLong, "Use at most 32 networks for one key."));
    }
    let parse = |(index, text): (usize, &String)| {
        parse_network(text).ok_or_else(|| {
            let message = "This is no network. Write it like 203.0.113.0/24 or 2001:db8::/48, or a single address.";
            Issue::new(format!("networks.{index}"), IssueCode::Invalid, message)
        })
    };
    texts.iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ApiKeyId {
        ApiKeyId::new(Millis(1_764_000_000_123), [7; 10])
    }

    #[test]
    fn a_key_is_read_as_it_was_composed() {
        let (text, hash) = compose_api_key(id(), [9; 32]);
        assert!(is_api_key(&text) && text.len() == 8 + 26 + 1 + 52 + 6, "{text}");
        assert_eq!(read_api_key(&text), Some(PresentedKey { id: id(), hash }));
        assert_ne!(compose_api_key(id(), [8; 32]).1, hash);
    }

    #[test]
    fn a_mistyped_key_is_none() {
        let (text, _) = compose_api_key(id(), [9; 32]);
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'3' { b'4' } else { b'3' };
            assert_eq!(read_api_key(&String::from_utf8(wrong).unwrap()), None, "{at}");
        }
        for wrong in ["", "ll_live_", "ll_live_ü", &text[..text.len() - 1], &format!("{text}0"), &text.to_uppercase()] {
            assert_eq!(read_api_key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn networks_and_ends() {
        let networks = parse_key_networks(&["203.0.113.9/24".into(), "2001:db8::1".into()]).unwrap();
        let right = ApiKeyRight {
            workspace: WorkspaceId::new(Millis(1), [1; 10]),
            hash: ApiKeyHash([0; 32]),
            scopes: vec![ApiScope::ClicksWrite],
            expires_at: Some(Millis(10)),
            networks,
        };
        assert!(right.allows("203.0.113.200".parse().unwrap()) && right.allows("::ffff:203.0.113.1".parse().unwrap()));
        assert!(right.allows("2001:db8::1".parse().unwrap()) && !right.allows("2001:db8::2".parse().unwrap()));
        assert!(!right.is_over(Millis(9)) && right.is_over(Millis(10)));
        assert!(right.has(ApiScope::ClicksWrite) && !right.has(ApiScope::LinksRead));
        assert_eq!(parse_key_networks(&["10.0.0.0/8".into(), "home".into()]).unwrap_err().path, "networks.1");
        assert_eq!(parse_key_networks(&vec!["10.0.0.0/8".into(); 33]).unwrap_err().path, "networks");
        for (name, code) in [(" ", IssueCode::Required), ("a\nb", IssueCode::Invalid), (&*"x".repeat(101), IssueCode::TooLong)] {
            assert_eq!(parse_key_name(name).unwrap_err().code, code);
        }
        assert!(ApiScope::ALL.into_iter().all(|scope| ApiScope::from_text(scope.as_str()) == Some(scope)));
    }
}
