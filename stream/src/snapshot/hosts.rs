//! The domains of hosts, beside the links: `d.` and a hash of the host.

use bytes::Bytes;
use domain::{DomainState, HostName, ServedDomain};
use sha2::{Digest as _, Sha256};

use super::value::{NewerForm, hashed, written};
use super::{LinkSnapshot, broker};
use crate::{LinkEvent, StreamError};

/// The form of values. Raised only where an older program must not serve a host at all.
const FORM: u8 = 1;
const HOST: &str = "d.";
/// Keys of hosts, as a subject's wildcard.
pub(super) const SUBJECT: &str = "d.>";

impl LinkSnapshot {
    /// The verified domain of a host.
    ///
    /// # Errors
    /// As [`LinkSnapshot::get`].
    pub async fn domain(&self, host: &HostName) -> Result<Option<ServedDomain>, StreamError> {
        match self.entry(&key(host)).await?.map(|entry| read(&entry.value)).transpose()? {
            Some(Some(state)) if state.host == *host => Ok(state.domain),
            Some(_) => Err(broker(&"a host's value cannot be read")),
            None if self.is_filled().await? => Ok(None),
            None => Err(StreamError::NotFilled),
        }
    }

    /// Writes what a host serves, unless as much or more is known there, or what a newer program wrote.
    /// True when it was written.
    ///
    /// # Errors
    /// As [`LinkSnapshot::put_if_newer`].
    pub async fn put_domain_if_newer(&self, state: &DomainState) -> Result<bool, StreamError> {
        let value = encode(state)?;
        self.write_over(&key(&state.host), value, |stored| Ok(read(stored)?.is_none_or(|stored| state.replaces(&stored)))).await
    }
}

/// What a written entry means to whoever caches hosts, if it is a host's.
pub(super) fn event(key: &str, value: &[u8]) -> Option<LinkEvent> {
    let state = key.starts_with(HOST).then(|| read(value))?;
    Some(state.ok().flatten().map_or(LinkEvent::Unsure, |state| LinkEvent::HostChanged { host: state.host }))
}

/// `d.` and 128 bits of SHA-256 over the host, in hexadecimal digits.
fn key(host: &HostName) -> String {
    hashed(HOST, Sha256::new().chain_update(host.as_str()))
}

fn encode(state: &DomainState) -> Result<Bytes, StreamError> {
    written(FORM, state)
}

/// `None` for what is no value at all.
fn read(value: &[u8]) -> Result<Option<DomainState>, NewerForm> {
    match value.split_first() {
        Some((&FORM, json)) => Ok(serde_json::from_slice(json).ok()),
        Some((&form, _)) => Err(NewerForm { what: "a host", form }),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{"host":"go.acme.example","id":"00000000-0001-7000-8000-000000000000","version":2,"domain":{"id":"00000000-0001-7000-8000-000000000000","workspace":"00000000-0002-7000-8000-000000000000","host":"go.acme.example","version":2,"settings":{"root":"https://acme.example/","later":true}}}"#;

    #[test]
    fn keys_hold_no_text() {
        let host = key(&HostName::from_store("go.acme.example".into()));
        assert!(host.len() == 34 && host.starts_with("d.") && host[2..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{host}");
    }

    #[test]
    fn values_of_the_first_form_are_read_and_unknown_fields_ignored() {
        let value = [&[1], GOLDEN.as_bytes()].concat();
        let state = read(&value).unwrap().unwrap();
        assert_eq!(state.domain.as_ref().unwrap().settings.root.as_ref().unwrap().as_str(), "https://acme.example/");
        assert_eq!(read(&encode(&state).unwrap()).unwrap(), Some(state.clone()));
        assert_eq!(event(&key(&state.host), &value), Some(LinkEvent::HostChanged { host: state.host }));
        assert!(read(&[2, b'{']).is_err() && read(&[1, b'{']).unwrap().is_none() && read(&[]).unwrap().is_none());
        assert_eq!((event("d.00", &[2]), event("l.00", &value)), (Some(LinkEvent::Unsure), None));
    }
}
