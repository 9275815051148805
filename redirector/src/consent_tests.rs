//! Answers that were changed on their way, or are another's.

use domain::{consent_to_sign, signed_consent};
use platform::{Rng, signature_of};
use proptest::prelude::*;

use super::*;
use crate::policies::Secret;

const NOW: Millis = Millis(1_772_366_400_000);

fn workspace(number: u8) -> WorkspaceId {
    WorkspaceId::new(Millis(1), [number; 10])
}

fn decided(workspace: WorkspaceId, secret: &[u8]) -> Decided {
    let secrets = Some(vec![Secret { bytes: secret.to_vec(), valid_until: None }]);
    Decided { workspace, version: 1, secrets, referrer_policy: None, privacy: Privacy::default(), closed: false }
}

/// One byte changed, put in or taken out, or the end cut off.
#[derive(Clone, Debug)]
enum Change {
    Other(prop::sample::Index, u8),
    More(prop::sample::Index, u8),
    Less(prop::sample::Index),
    End(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let (at, byte) = (any::<prop::sample::Index>, || prop_oneof![b'0'..=b'9', b'a'..=b'z', 0x20..0x7f_u8]);
    prop_oneof![
        (at(), byte()).prop_map(|(at, byte)| Change::Other(at, byte)),
        (at(), byte()).prop_map(|(at, byte)| Change::More(at, byte)),
        at().prop_map(Change::Less),
        at().prop_map(Change::End),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let mut bytes = text.as_bytes().to_vec();
    match change {
        Change::Other(at, byte) => bytes[at.index(text.len())] = *byte,
        Change::More(at, byte) => bytes.insert(at.index(text.len() + 1), *byte),
        Change::Less(at) => drop(bytes.remove(at.index(text.len()))),
        Change::End(at) => bytes.truncate(at.index(text.len())),
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn a_signed_answer_holds_as_it_was_signed_alone(
        given: bool, visitor in "[A-Za-z0-9_-]{1,64}", seconds in 1..24 * 3_600_i64, secret in prop::collection::vec(any::<u8>(), 1..40),
        change in change(), text in ".{0,40}",
    ) {
        let consent = Consent { given, visitor: given.then_some(visitor) };
        let end = Millis(NOW.0 + seconds * 1_000);
        let decided = decided(workspace(1), &secret);
        let value = signed_consent(&consent, end, &signature_of(&secret, &consent_to_sign(workspace(1), &consent, end)));
        prop_assert_eq!(signed(&value, &decided, NOW), Some(consent));
        prop_assert_eq!(signed(&value, &decided, end), None);
        prop_assert_eq!(signed(&value, &Decided { workspace: workspace(2), ..decided.clone() }, NOW), None);
        let mut other = secret;
        other[0] ^= 1;
        prop_assert_eq!(signed(&value, &self::decided(workspace(1), &other), NOW), None);
        let wrong = changed(&value, &change);
        // A signature may have its padding.
        if wrong != value && wrong.trim_end_matches('=') != value {
            prop_assert_eq!(signed(&wrong, &decided, NOW), None, "{}", wrong);
        }
        prop_assert_eq!(signed(&text, &decided, NOW), None);
    }

    #[test]
    fn a_cookie_holds_as_it_was_set_alone(id: [u8; ID_BYTES], key: [u8; 32], seed: u64, change in change(), text in ".{0,40}") {
        let mut other = key;
        other[0] ^= 1;
        let (key, other, rng) = (SealKey::of(key), SealKey::of(other), Rng::seeded(seed));
        let value = sealed(&key, workspace(1), id, NOW, &rng).unwrap();
        let end = NOW.plus(cookies::MAX_AGE_DAYS * DAY_MILLIS);
        let whole = Some(Consent { given: true, visitor: Some(hex(id)) });
        prop_assert_eq!(opened(&key, workspace(1), &value, end.plus(-1)), whole);
        prop_assert_eq!(opened(&key, workspace(1), &value, end), None);
        prop_assert_eq!(opened(&key, workspace(2), &value, NOW), None);
        prop_assert_eq!(opened(&other, workspace(1), &value, NOW), None);
        let wrong = changed(&value, &change);
        for wrong in [wrong, text] {
            if wrong != value {
                prop_assert_eq!(opened(&key, workspace(1), &wrong, NOW), None, "{}", wrong);
            }
        }
    }
}
