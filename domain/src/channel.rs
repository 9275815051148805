//! The kinds of ways on which visitors come.

use crate::coded::coded;

coded!(
    /// How a visitor came to the link.
    Channel {
        /// No referrer and no campaign.
        Direct = 1,
        /// From a search engine.
        Search = 2,
        /// From a social network.
        Social = 3,
        /// From a mail program, or a link marked as sent by mail.
        Email = 4,
        /// From an AI assistant.
        Ai = 5,
        /// From any other site.
        Referral = 6,
        /// By an advertisement or a link marked with a campaign.
        Campaign = 7,
        /// By scanning a QR code.
        Qr = 8,
    }
);

impl Channel {
    /// As programs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "DIRECT",
            Self::Search => "SEARCH",
            Self::Social => "SOCIAL",
            Self::Email => "EMAIL",
            Self::Ai => "AI",
            Self::Referral => "REFERRAL",
            Self::Campaign => "CAMPAIGN",
            Self::Qr => "QR",
        }
    }
}
