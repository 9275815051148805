//! A visitor's answer about consent, as a banner of the workspace's own passes it on:
//! `consent=v1.<answer>.<unix seconds>.<visitor>.<signature>`, where the answer is `given` or `refused`,
//! the seconds say when it ends, and the visitor is an id of 1 to 64 letters, digits, `-` and `_`, or
//! nothing.
//!
//! What is signed is the lines `linklogger-consent-v1`, the workspace's id, the answer, the seconds and the
//! visitor, joined by line ends. So an answer holds for all links of one workspace, and for no other's.

use crate::{Consent, Millis, WorkspaceId};

/// The parameter of short URLs that has the answer.
pub const CONSENT_PARAMETER: &str = "consent";
/// How far ahead an answer may end: who is given an address with one is not who gave it.
pub const MAX_CONSENT_HOURS: i64 = 24;
const VERSION: &str = "v1.";
const FIRST_LINE: &str = "linklogger-consent-v1";
const MAX_VISITOR: usize = 64;

/// Whether a visitor can have consented under that id.
pub fn is_consented_id(id: &str) -> bool {
    (1..=MAX_VISITOR).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a parameter's value is meant to be an answer of this form.
pub fn is_signed_consent(value: &str) -> bool {
    value.starts_with(VERSION)
}

/// An answer as it came in, before it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedConsent {
    pub consent: Consent,
    pub expires_at: Millis,
    pub signature: String,
}

impl SignedConsent {
    /// `None` for what is none of this form. Who refuses has no id.
    pub fn read(value: &str) -> Option<Self> {
        let fields: Vec<&str> = value.strip_prefix(VERSION)?.split('.').collect();
        let [answer, seconds, visitor, signature] = *fields.as_slice() else { return None };
        let given = match answer {
            "given" => true,
            "refused" => false,
            _ => return None,
        };
        let is_id = visitor.is_empty() || is_consented_id(visitor);
        // Written in one way only: what is signed is the number, so that a zero before it would go unnoticed.
        let is_number = seconds.bytes().all(|byte| byte.is_ascii_digit()) && (seconds == "0" || !seconds.starts_with('0'));
        if !is_id || !given && !visitor.is_empty() || !is_number {
            return None;
        }
        let expires_at = Millis(seconds.parse::<i64>().ok()?.saturating_mul(1_000));
        let visitor = (!visitor.is_empty()).then(|| visitor.to_owned());
        Some(Self { consent: Consent { given, visitor }, expires_at, signature: signature.to_owned() })
    }

    /// Whether it holds at that time, if its signature is right.
    pub fn is_current(&self, now: Millis) -> bool {
        now < self.expires_at && self.expires_at <= now.plus(MAX_CONSENT_HOURS * 3_600 * 1_000)
    }

    /// The text that the signature must be of.
    pub fn text(&self, workspace: WorkspaceId) -> String {
        consent_to_sign(workspace, &self.consent, self.expires_at)
    }
}

/// The text whose signature makes an answer good.
pub fn consent_to_sign(workspace: WorkspaceId, consent: &Consent, expires_at: Millis) -> String {
    let (answer, seconds, visitor) = (answer(consent), expires_at.0 / 1_000, consent.visitor.as_deref().unwrap_or_default());
    format!("{FIRST_LINE}\n{workspace}\n{answer}\n{seconds}\n{visitor}")
}

/// The parameter's value.
pub fn signed_consent(consent: &Consent, expires_at: Millis, signature: &str) -> String {
    let (answer, seconds, visitor) = (answer(consent), expires_at.0 / 1_000, consent.visitor.as_deref().unwrap_or_default());
    format!("{VERSION}{answer}.{seconds}.{visitor}.{signature}")
}

fn answer(consent: &Consent) -> &'static str {
    if consent.given { "given" } else { "refused" }
}

#[cfg(test)]
mod tests {
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    fn workspace() -> WorkspaceId {
        WorkspaceId::new(Millis(1), [1; 10])
    }

    #[test]
    fn what_is_written_is_read() {
        for (given, visitor) in [(true, Some("user_17-B")), (true, None), (false, None)] {
            let consent = Consent { given, visitor: visitor.map(str::to_owned) };
            let end = Millis(1_800_000_000_000);
            let value = signed_consent(&consent, end, "s_-9");
            let read = SignedConsent::read(&value).unwrap();
            assert_eq!((&read.consent, read.expires_at, read.signature.as_str()), (&consent, end, "s_-9"));
            assert_eq!(read.text(workspace()), consent_to_sign(workspace(), &consent, end));
            assert!(is_signed_consent(&value));
        }
        let id = Consent { given: true, visitor: Some("u".into()) };
        let text = consent_to_sign(workspace(), &id, Millis(5_000));
        assert_eq!(text, format!("linklogger-consent-v1\n{}\ngiven\n5\nu", workspace()));
    }

    #[test]
    fn what_is_of_another_form_is_no_answer() {
        let long = format!("v1.given.5.{}.s", "a".repeat(65));
        for value in
            ["", "yes", "v1.", "v2.given.5..s", "v1.maybe.5..s", "v1.given.-5..s", "v1.given...s", "v1.given.5..s.t", "v1.given.5.s"]
        {
            assert_eq!(SignedConsent::read(value), None, "{value}");
        }
        for value in
            ["v1.refused.5.u.s", "v1.given.5.a@b.s", "v1.given.5.a%20b.s", "v1.given.99999999999999999999..s", "v1.given.05..s", &long]
        {
            assert_eq!(SignedConsent::read(value), None, "{value}");
        }
    }

    #[test]
    fn ids_are_what_an_answer_can_have() {
        let long = "a".repeat(65);
        for id in ["", "a b", "ada@example.com", "ä", "a.b", &long] {
            assert!(!is_consented_id(id), "{id}");
        }
        assert!(is_consented_id("user_17-B") && is_consented_id(&long[1..]));
    }

    #[test]
    fn an_answer_ends_within_a_day() {
        let at = |seconds: i64| SignedConsent::read(&format!("v1.given.{seconds}..s")).unwrap().is_current(Millis(10_000));
        assert_eq!([at(10), at(11), at(10 + 24 * 3_600), at(11 + 24 * 3_600), at(i64::MAX)], [false, true, true, false, false]);
    }

    /// The text to sign is another for whatever else is asked, so that no signature is good for two.
    #[test]
    fn a_change_changes_what_is_signed_or_the_signature() {
        let (consent, end) = (Consent { given: true, visitor: Some("user_17".into()) }, Millis(1_800_000_000_000));
        let value = signed_consent(&consent, end, "c2lnbmF0dXJl");
        let was = (consent_to_sign(workspace(), &consent, end), "c2lnbmF0dXJl".to_owned());
        let signed = |text: &str| SignedConsent::read(text).map(|read| (read.text(workspace()), read.signature));
        assert_eq!(signed(&value), Some(was.clone()));
        for at in 0..=value.len() {
            let (before, after) = value.split_at(at);
            let longer = (0x20..0x7f_u8).map(|byte| format!("{before}{}{after}", char::from(byte)));
            let other = (0x20..0x7f_u8).filter_map(|byte| Some(format!("{before}{}{}", char::from(byte), after.get(1..)?)));
            for changed in longer.chain(other).chain([before.to_owned()]).filter(|changed| *changed != value) {
                assert_ne!(signed(&changed), Some(was.clone()), "{changed}");
            }
        }
    }

    /// The longest time that milliseconds have room for.
    const MAX_SECONDS: i64 = i64::MAX / 1_000;

    proptest! {
        #[test]
        fn any_text_is_an_answer_in_this_form_or_none(
            text in ".{0,60}",
            near in "v1\\.(given|refused)\\.0?[0-9]{1,3}\\.[a-z]{0,2}\\.[a-z]{0,3}",
            known in "v1\\.(given|refused)\\.[0-9.-]{0,4}\\.?([a-z_-]{0,5}|ä|.)\\.?[a-z.]{0,4}",
        ) {
            for text in [text, near, known] {
                let Some(read) = SignedConsent::read(&text) else { continue };
                prop_assert!(read.consent.given || read.consent.visitor.is_none());
                prop_assert_eq!(signed_consent(&read.consent, read.expires_at, &read.signature), text);
            }
        }

        #[test]
        fn any_answer_is_read_as_it_was_written(
            given: bool, visitor in of("[A-Za-z0-9_-]{1,64}"), seconds in 0..=MAX_SECONDS, signature in "[A-Za-z0-9_-]{0,43}",
        ) {
            let consent = Consent { given, visitor: visitor.filter(|_| given) };
            let end = Millis(seconds * 1_000);
            let read = SignedConsent::read(&signed_consent(&consent, end, &signature));
            prop_assert_eq!(read, Some(SignedConsent { consent, expires_at: end, signature }));
        }
    }
}
