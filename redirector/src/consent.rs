//! Whether visitors let a workspace recognise them, where it must ask: the browser says no for them
//! (Global Privacy Control), a banner of the workspace's own passes the answer on in the address, a cookie
//! has it from an earlier visit, or they are asked by a page.
//!
//! An answer is given to one workspace, so each has a cookie of its own, on each host. It holds `no`, or
//! a random id sealed for that workspace, so that none can be chosen or taken elsewhere; a redirector
//! without the installation's key remembers no consent, and asks again.

use std::sync::Arc;

use domain::{Consent, Millis, Privacy, SignalSet, SignedConsent, WorkspaceId};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use platform::{Clock, Rng, SealKey};

use crate::cookies;
use crate::headers::Said;
use crate::policies::{Decided, Policies};

const COOKIE: &str = "ll_consent_";
const NO: &str = "no";
const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;
const ID_BYTES: usize = 16;

/// Whether a cookie of that name has somebody's answer.
pub(crate) fn is_cookie(name: &str) -> bool {
    name.starts_with(COOKIE)
}

/// A request of a visitor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit<'a> {
    pub headers: &'a HeaderMap,
    pub said: &'a Said,
    /// An answer in the address, unchecked.
    pub signed: Option<&'a str>,
    /// What was answered by the page.
    pub posted: Option<bool>,
    pub secure: bool,
}

/// What came of listening.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// `None` while there is no answer.
    pub consent: Option<Box<Consent>>,
    /// What the browser is to remember.
    pub cookie: Option<HeaderValue>,
    /// Who asks and where they say more, as far as the workspace says so.
    pub controller: Option<String>,
    pub policy_url: Option<String>,
}

impl Heard {
    fn answer(consent: Consent) -> Self {
        Self { consent: Some(Box::new(consent)), ..Self::default() }
    }
}

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Consents {
    policies: Policies,
    seal_key: Option<Arc<SealKey>>,
    clock: Clock,
    rng: Rng,
}

impl Consents {
    pub fn new(policies: &Policies, seal_key: Option<&SealKey>, clock: &Clock, rng: &Rng) -> Self {
        Self { policies: policies.clone(), seal_key: seal_key.cloned().map(Arc::new), clock: clock.clone(), rng: rng.clone() }
    }

    /// The visitor's answer to a workspace that must ask.
    pub async fn of(&self, workspace: WorkspaceId, visit: Visit<'_>) -> Heard {
        let (decided, now) = (self.policies.decided(workspace).await, self.clock.now());
        let privacy = decided.as_ref().map(|decided| &decided.privacy);
        if objects(visit.said, privacy) {
            return Heard::answer(Consent { given: false, visitor: None });
        }
        if let Some(given) = visit.posted {
            return self.posted(workspace, given, visit.secure, now);
        }
        let signed = || visit.signed.zip(decided.as_ref()).and_then(|(value, decided)| signed(value, decided, now));
        match signed().or_else(|| self.remembered(workspace, visit.headers, now)) {
            Some(consent) => Heard::answer(consent),
            None => Heard {
                controller: privacy.and_then(|privacy| privacy.controller.clone()),
                policy_url: privacy.and_then(|privacy| privacy.policy_url.clone()),
                ..Heard::default()
            },
        }
    }

    fn posted(&self, workspace: WorkspaceId, given: bool, secure: bool, now: Millis) -> Heard {
        let name = cookie_of(workspace);
        if !given {
            let cookie = cookies::set(&name, NO, secure);
            return Heard { cookie, ..Heard::answer(Consent { given, visitor: None }) };
        }
        let id: [u8; ID_BYTES] = self.rng.bytes();
        let sealed = self.seal_key.as_ref().and_then(|key| sealed(key, workspace, id, now, &self.rng));
        // What nobody would know again is no id.
        let visitor = sealed.as_ref().map(|_| hex(id));
        let cookie = sealed.and_then(|sealed| cookies::set(&name, &sealed, secure));
        Heard { cookie, ..Heard::answer(Consent { given, visitor }) }
    }

    fn remembered(&self, workspace: WorkspaceId, headers: &HeaderMap, now: Millis) -> Option<Consent> {
        let name = cookie_of(workspace);
        let (_, value) = cookies::of(headers).find(|(known, _)| *known == name)?;
        if value == NO {
            return Some(Consent { given: false, visitor: None });
        }
        opened(self.seal_key.as_ref()?, workspace, value, now)
    }
}

/// What the cookie of a visitor who agreed holds; `None` where the cipher refuses.
fn sealed(key: &SealKey, workspace: WorkspaceId, id: [u8; ID_BYTES], now: Millis, rng: &Rng) -> Option<String> {
    key.seal(&purpose(workspace), &[&id[..], &now.0.to_be_bytes()].concat(), rng).ok()
}

/// Who agreed, if that was sealed here for this workspace, and is not over.
fn opened(key: &SealKey, workspace: WorkspaceId, value: &str, now: Millis) -> Option<Consent> {
    let secret = key.open(&purpose(workspace), value).ok()?;
    let (id, since) = secret.split_first_chunk::<ID_BYTES>()?;
    let since = Millis(i64::from_be_bytes(since.try_into().ok()?));
    // Browsers forget it by themselves; whoever does not is asked again.
    (now < since.plus(cookies::MAX_AGE_DAYS * DAY_MILLIS)).then(|| Consent { given: true, visitor: Some(hex(*id)) })
}

fn objects(said: &Said, privacy: Option<&Privacy>) -> bool {
    let set = said.signals.set;
    set.has(SignalSet::GPC) || set.has(SignalSet::DNT) && privacy.is_some_and(|privacy| privacy.respect_dnt)
}

fn signed(value: &str, decided: &Decided, now: Millis) -> Option<Consent> {
    let signed = SignedConsent::read(value).filter(|signed| signed.is_current(now))?;
    let is_right = decided.has_signed(&signed.text(decided.workspace), &signed.signature, now);
    (is_right == Some(true)).then_some(signed.consent)
}

fn cookie_of(workspace: WorkspaceId) -> String {
    format!("{COOKIE}{workspace}")
}

fn purpose(workspace: WorkspaceId) -> String {
    format!("consent {workspace}")
}

fn hex(id: [u8; ID_BYTES]) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}

#[cfg(test)]
#[path = "consent_tests.rs"]
mod tests;
