//! Ids: a UUIDv7 (RFC 9562) with a type of its own, written as a prefixed string.
//!
//! The text form follows TypeID 0.3: `prefix_` and the 128 bits in Crockford's base 32, lower case,
//! 26 characters. Parsing accepts exactly what printing gives.

use uuid::Uuid;

use crate::Millis;

/// Random bytes for one id, drawn by the caller.
pub type Entropy = [u8; 10];

/// A text that is no id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an id of the expected kind")]
pub struct IdError;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LENGTH: usize = 26;

pub(crate) fn encode(value: u128) -> String {
    (0..TEXT_LENGTH)
        .map(|i| {
            let shift = 5 * (TEXT_LENGTH - 1 - i);
            char::from(ALPHABET[(value >> shift) as usize & 31])
        })
        .collect()
}

pub(crate) fn decode(text: &str) -> Result<u128, IdError> {
    let bytes = text.as_bytes();
    // 26 symbols hold 130 bits: the first may only carry three.
    if bytes.len() != TEXT_LENGTH || bytes[0] > b'7' {
        return Err(IdError);
    }
    bytes.iter().try_fold(0_u128, |value, byte| {
        let digit = ALPHABET.iter().position(|symbol| symbol == byte).ok_or(IdError)?;
        Ok(value << 5 | digit as u128)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub Uuid);

        impl $name {
            pub const PREFIX: &str = $prefix;

            /// A new id made at `now`; ids sort by the millisecond they were made in.
            pub fn new(now: Millis, entropy: Entropy) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &entropy).into_uuid())
            }

            /// The smallest id that can be made at `at`: the bound of a range of time.
            pub fn floor(at: Millis) -> Self {
                let at = at.0.clamp(0, Millis::MAX.0) as u128;
                Self(Uuid::from_u128(at << 80))
            }

            /// The millisecond this id was made in.
            pub fn made_at(self) -> Millis {
                Millis((self.0.as_u128() >> 80) as i64)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0.as_u128()))
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let rest = text.strip_prefix($prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(IdError)?;
                decode(rest).map(|value| Self(Uuid::from_u128(value)))
            }
        }
    };
}

id!(
    /// A tenant.
    WorkspaceId, "ws"
);
id!(
    /// A person who signs in.
    UserId, "usr"
);
id!(
    /// A sign-in; also the family of its refresh tokens.
    SessionId, "ses"
);
id!(
    /// A tracked link.
    LinkId, "lnk"
);
id!(
    /// A host of a workspace that serves its links.
    DomainId, "dom"
);
id!(
    /// One captured click; everything after the capture is idempotent on it.
    ClickId, "clk"
);
id!(
    /// One captured request for a slug that is no link; everything after the capture is idempotent on it.
    MissId, "mis"
);
id!(
    /// A request that clicks are erased.
    ErasureId, "era"
);
id!(
    /// Something done in the background.
    JobId, "job"
);
id!(
    /// A visitor's report of a link.
    LinkReportId, "rpt"
);
id!(
    /// A list of those whom something was sent to.
    RecipientListId, "rcl"
);
id!(
    /// A rule of a link; clicks remember it.
    RuleId, "rul"
);
id!(
    /// A key that a program acts with.
    ApiKeyId, "key"
);
id!(
    /// A signing key.
    KeyId, "sig"
);

id!(
    /// A block of permits that a redirector has taken of a link's limit.
    LeaseId, "lse"
);

id!(
    /// What happened at an instant, beside the counts of that time.
    AnnotationId, "ann"
);

id!(
    /// An entry of a workspace's audit log.
    AuditId, "aud"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_typeid() {
        // From the TypeID specification's valid cases.
        let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(LinkId(uuid).to_string(), "lnk_01h455vb4pex5vsknk084sn02q");
        assert_eq!("lnk_01h455vb4pex5vsknk084sn02q".parse(), Ok(LinkId(uuid)));
    }

    #[test]
    fn other_kinds_and_other_spellings_are_refused() {
        for text in [
            "",
            "lnk_",
            "usr_01h455vb4pex5vsknk084sn02q",
            "lnk_01H455VB4PEX5VSKNK084SN02Q",
            "lnk_81h455vb4pex5vsknk084sn02q",
            "lnk01h455vb4pex5vsknk084sn02q",
        ] {
            assert_eq!(text.parse::<LinkId>(), Err(IdError), "{text}");
        }
    }

    #[test]
    fn an_id_carries_its_millisecond() {
        let at = Millis(1_764_000_000_123);
        let id = ClickId::new(at, [255; 10]);
        assert_eq!(id.made_at(), at);
        assert!(id >= ClickId::floor(at) && id < ClickId::floor(at.plus(1)));
    }
}
