//! Keys and values of the snapshot's bucket.

use bytes::Bytes;
use domain::{DomainState, HostName, LinkAddress, LinkState};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::broker;
use crate::{LinkEvent, StreamError};

/// The form of values. Raised only where an older program must not serve a link at all: a field
/// that it may ignore is just added.
const FORM: u8 = 1;

/// What is kept under a key of its own.
pub(super) trait Kept: Serialize + DeserializeOwned {
    fn key(&self) -> String;

    /// Whether this is to take the place of `stored`.
    fn replaces(&self, stored: &Self) -> bool;
}

impl Kept for LinkState {
    fn key(&self) -> String {
        link_key(&self.address)
    }

    fn replaces(&self, stored: &Self) -> bool {
        Self::replaces(self, stored)
    }
}

impl Kept for DomainState {
    fn key(&self) -> String {
        host_key(&self.host)
    }

    fn replaces(&self, stored: &Self) -> bool {
        Self::replaces(self, stored)
    }
}

pub(super) enum Decoded<T> {
    State(Box<T>),
    UnknownVersion(u8),
    Malformed,
}

/// `l.` and 128 bits of SHA-256 over domain id, 0, folded slug, in hexadecimal digits.
pub(super) fn link_key(address: &LinkAddress) -> String {
    key("l.", Sha256::new().chain_update(address.domain).chain_update([0]).chain_update(&address.folded))
}

/// `d.` and 128 bits of SHA-256 over the host, in hexadecimal digits.
pub(super) fn host_key(host: &HostName) -> String {
    key("d.", Sha256::new().chain_update(host.as_str()))
}

fn key(kind: &str, digest: Sha256) -> String {
    digest.finalize()[..16].iter().fold(kind.to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

pub(super) fn encode(state: &impl Kept) -> Result<Bytes, StreamError> {
    let mut value = vec![FORM];
    serde_json::to_writer(&mut value, state).map_err(|error| broker(&error))?;
    Ok(value.into())
}

pub(super) fn decode<T: Kept>(value: &[u8]) -> Decoded<T> {
    match value.split_first() {
        Some((&FORM, json)) => serde_json::from_slice(json).map_or(Decoded::Malformed, |state| Decoded::State(Box::new(state))),
        Some((form, _)) => Decoded::UnknownVersion(*form),
        None => Decoded::Malformed,
    }
}

/// What a written entry means to whoever caches links and hosts.
pub(super) fn event(key: &str, value: &[u8]) -> LinkEvent {
    let changed = if key.starts_with("d.") {
        match decode::<DomainState>(value) {
            Decoded::State(state) => Some(LinkEvent::HostChanged { host: state.host }),
            Decoded::UnknownVersion(_) | Decoded::Malformed => None,
        }
    } else {
        match decode::<LinkState>(value) {
            Decoded::State(state) => Some(LinkEvent::Changed { address: state.address }),
            Decoded::UnknownVersion(_) | Decoded::Malformed => None,
        }
    };
    changed.unwrap_or(LinkEvent::Unsure)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{"address":{"domain":"00000000-0000-0000-0000-000000000000","folded":"a"},"id":"00000000-0001-7000-8000-000000000000","version":2,"link":{"id":"00000000-0001-7000-8000-000000000000","workspace":"00000000-0002-7000-8000-000000000000","version":2,"target":"https://example.com/","redirect_status":302,"forward_query":false,"deleted":false,"later":true}}"#;
    const GOLDEN_HOST: &str = r#"{"host":"go.acme.example","id":"00000000-0001-7000-8000-000000000000","version":2,"domain":{"id":"00000000-0001-7000-8000-000000000000","workspace":"00000000-0002-7000-8000-000000000000","host":"go.acme.example","version":2,"settings":{"root":"https://acme.example/","later":true}}}"#;

    #[test]
    fn keys_hold_no_text() {
        let shared = link_key(&LinkAddress::shared("sale"));
        assert!(shared.len() == 34 && shared.starts_with("l.") && shared[2..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{shared}");
        assert_ne!(shared, link_key(&LinkAddress::shared("sale2")));
        assert_ne!(shared, link_key(&LinkAddress { domain: uuid::Uuid::max(), folded: "sale".into() }));
        let host = host_key(&HostName::from_store("go.acme.example".into()));
        assert!(host.len() == 34 && host.starts_with("d.") && host[2..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{host}");
    }

    #[test]
    fn values_of_the_first_form_are_read_and_unknown_fields_ignored() {
        let value = [&[1], GOLDEN.as_bytes()].concat();
        let Decoded::State(state) = decode::<LinkState>(&value) else { panic!("not decoded") };
        assert_eq!((state.version, state.link.as_ref().unwrap().target.as_str()), (2, "https://example.com/"));
        let Decoded::State(again) = decode(&encode(&*state).unwrap()) else { panic!("not decoded") };
        assert_eq!(again, state);
        let value = [&[1], GOLDEN_HOST.as_bytes()].concat();
        let Decoded::State(state) = decode::<DomainState>(&value) else { panic!("not decoded") };
        assert_eq!(state.domain.as_ref().unwrap().settings.root.as_ref().unwrap().as_str(), "https://acme.example/");
        let Decoded::State(again) = decode(&encode(&*state).unwrap()) else { panic!("not decoded") };
        assert_eq!(again, state);
        let of_links = |value: &[u8]| decode::<LinkState>(value);
        assert!(matches!(of_links(&[2, b'{']), Decoded::UnknownVersion(2)));
        assert!(matches!(of_links(&[1, b'{']), Decoded::Malformed) && matches!(of_links(&[]), Decoded::Malformed));
    }
}
