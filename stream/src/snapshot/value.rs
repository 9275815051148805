//! Keys and values of the snapshot's bucket.

use bytes::Bytes;
use domain::{LinkAddress, LinkState};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::broker;
use super::sealing::{Sealer, has_secrets};
use crate::StreamError;

/// The form of values. Raised only where an older program must not serve a link at all: a field
/// that it may ignore is just added.
const FORM: u8 = 1;
/// The form of links whose gate is sealed: a program that knew of none would lead past it.
const SEALED_FORM: u8 = 2;

#[derive(Serialize, Deserialize)]
struct Sealed {
    /// Without its gate.
    state: LinkState,
    sealed: String,
}

/// A value that only a newer program can read, and what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} was written in the form {form} by a newer program")]
pub(super) struct NewerForm {
    pub what: &'static str,
    pub form: u8,
}

impl From<NewerForm> for StreamError {
    fn from(newer: NewerForm) -> Self {
        broker(&newer)
    }
}

pub(super) enum Decoded {
    State(Box<LinkState>),
    /// A state without its gate, and the gate sealed.
    Sealed(Box<LinkState>, String),
    Newer(NewerForm),
    Malformed,
}

/// `l.` and 128 bits of SHA-256 over domain id, 0, folded slug, in hexadecimal digits.
pub(super) fn key(address: &LinkAddress) -> String {
    hashed("l.", Sha256::new().chain_update(address.domain).chain_update([0]).chain_update(&address.folded))
}

/// A key of this kind: 128 bits of the digest in hexadecimal digits.
pub(super) fn hashed(kind: &str, digest: Sha256) -> String {
    digest.finalize()[..16].iter().fold(kind.to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

pub(super) fn encode(state: &LinkState, sealer: &Sealer) -> Result<Bytes, StreamError> {
    if has_secrets(state) {
        let (state, sealed) = sealer.closed(state)?;
        return written(SEALED_FORM, &Sealed { state, sealed });
    }
    written(FORM, state)
}

/// A value of the bucket: its form, and it as JSON.
pub(super) fn written(form: u8, value: &impl Serialize) -> Result<Bytes, StreamError> {
    let mut bytes = vec![form];
    serde_json::to_writer(&mut bytes, value).map_err(|error| broker(&error))?;
    Ok(bytes.into())
}

pub(super) fn decode(value: &[u8]) -> Decoded {
    match value.split_first() {
        Some((&FORM, json)) => serde_json::from_slice(json).map_or(Decoded::Malformed, |state| Decoded::State(Box::new(state))),
        Some((&SEALED_FORM, json)) => {
            let sealed = serde_json::from_slice(json);
            sealed.map_or(Decoded::Malformed, |Sealed { state, sealed }| Decoded::Sealed(Box::new(state), sealed))
        }
        Some((&form, _)) => Decoded::Newer(NewerForm { what: "a link", form }),
        None => Decoded::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{"address":{"domain":"00000000-0000-0000-0000-000000000000","folded":"a"},"id":"00000000-0001-7000-8000-000000000000","version":2,"link":{"id":"00000000-0001-7000-8000-000000000000","workspace":"00000000-0002-7000-8000-000000000000","version":2,"target":"https://example.com/","redirect_status":302,"forward_query":false,"deleted":false,"later":true}}"#;

    #[test]
    fn keys_hold_no_text() {
        let shared = key(&LinkAddress::shared("sale"));
        assert!(shared.len() == 34 && shared.starts_with("l.") && shared[2..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{shared}");
        assert_ne!(shared, key(&LinkAddress::shared("sale2")));
        assert_ne!(shared, key(&LinkAddress { domain: uuid::Uuid::max(), folded: "sale".into() }));
    }

    #[test]
    fn values_of_the_first_form_are_read_and_unknown_fields_ignored() {
        let value = [&[1], GOLDEN.as_bytes()].concat();
        let Decoded::State(state) = decode(&value) else { panic!("not decoded") };
        assert_eq!((state.version, state.link.as_ref().unwrap().target.as_str()), (2, "https://example.com/"));
        let Decoded::State(again) = decode(&encode(&state, &Sealer::default()).unwrap()) else { panic!("not decoded") };
        assert_eq!(again, state);
        assert!(matches!(decode(&[3, b'{']), Decoded::Newer(NewerForm { form: 3, .. })));
        assert!(matches!(decode(&[1, b'{']), Decoded::Malformed) && matches!(decode(&[]), Decoded::Malformed));
    }
}
