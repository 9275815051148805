//! What a request says beside its address and user agent: what judging needs of its headers, and what
//! the visitor wishes. Which headers there were is a set of bits, since their values name nobody and most
//! of them say nothing more.

/// A set of facts about a request. The bits are written to records and rows: none is ever used for
/// another meaning.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SignalSet(u32);

macro_rules! bits {
    ($($(#[$doc:meta])* $name:ident = $bit:literal),+ $(,)?) => {
        impl SignalSet {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)+

            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name))),+];
        }
    };
}

bits!(
    /// The visitor's own headers were looked at; without it nothing can be said of what is missing.
    TAKEN = 0,
    /// The visitor's connection is encrypted, as far as that is known. Browsers send client hints and
    /// Sec-Fetch headers over such ones only (Fetch Metadata, W3C; User-Agent Client Hints, WICG).
    SECURE = 1,
    ACCEPT = 2,
    /// Accept names HTML, as that of a browser does for pages.
    ACCEPT_HTML = 3,
    ACCEPT_LANGUAGE = 4,
    ACCEPT_ENCODING = 5,
    /// `Sec-Fetch-Mode` is there.
    FETCH_METADATA = 6,
    /// `Sec-Fetch-Mode: navigate`.
    NAVIGATION = 7,
    /// `Sec-Fetch-Dest: document`, or a frame's.
    DOCUMENT = 8,
    /// `Sec-Fetch-User: ?1`.
    USER_ACTIVATED = 9,
    UPGRADE_INSECURE = 10,
    /// `Sec-CH-UA` is there.
    BRANDS = 11,
    /// `Sec-CH-UA-Mobile: ?1`.
    MOBILE = 12,
    /// `X-Requested-With`, by which an Android app's web view names the app.
    REQUESTED_WITH = 13,
    /// `Sec-Purpose` or `Purpose` says that the page is only fetched ahead.
    PREFETCH = 16,
    /// The same for a page that is also rendered ahead.
    PRERENDER = 17,
    /// A preview is made of it, such as a picture of the page.
    PREVIEW = 18,
    /// `Sec-GPC: 1` (Global Privacy Control).
    GPC = 20,
    /// `DNT: 1`.
    DNT = 21,
    /// The visitor, or the address, asks that this click be counted as one's own.
    IGNORED = 22,
    /// The address is in one of the workspace's own networks; said where the address itself is not written.
    OWN_NETWORK = 23,
    /// The address had a parameter by which a service follows its clicks, which is not kept and says the channel.
    CLICK_ID = 24,
    /// The workspace kept the city, be it that none was known.
    CITY_KEPT = 25,
    /// The browser sent client hints that say more than its user agent.
    HINTS = 26,
);

impl SignalSet {
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Bits of a later program are kept.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether all of `other` are among these.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is among these.
    pub fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What the bits are called, of those that this program knows.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }

    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// By which a browser says that its person objects to being followed.
impl SignalSet {
    pub const OBJECTIONS: Self = Self(Self::GPC.0 | Self::DNT.0);
}

impl std::ops::BitOr for SignalSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl std::fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// What a browser says of itself by User-Agent Client Hints, as the headers have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHints {
    /// `Sec-CH-UA`, or `Sec-CH-UA-Full-Version-List` where that is sent.
    pub brands: Option<String>,
    pub platform: Option<String>,
    pub platform_version: Option<String>,
    pub model: Option<String>,
}

/// Whether the visitor lets the workspace recognise them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub given: bool,
    /// The first-party id of a visitor who consented.
    pub visitor: Option<String>,
}

/// All of it. What is rare is boxed, since a click is moved with every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    pub set: SignalSet,
    pub hints: Option<Box<ClientHints>>,
    /// `None` where nobody was asked.
    pub consent: Option<Box<Consent>>,
}

impl Signals {
    pub fn of(set: SignalSet) -> Self {
        Self { set, hints: None, consent: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let mut set = SignalSet::TAKEN | SignalSet::GPC;
        set.insert(SignalSet::MOBILE);
        assert!(set.has(SignalSet::GPC | SignalSet::MOBILE) && !set.has(SignalSet::GPC | SignalSet::DNT));
        assert!(set.has_any(SignalSet::GPC | SignalSet::DNT) && !set.has_any(SignalSet::DNT));
        assert_eq!(SignalSet::from_bits(set.bits()), set);
        assert_eq!(format!("{set:?}"), r#"{"TAKEN", "MOBILE", "GPC"}"#);
        assert_eq!((SignalSet::TAKEN.bits(), SignalSet::IGNORED.bits()), (1, 1 << 22));
    }
}
