//! Who clicked, and why a click was judged so.

use crate::coded::coded;

coded!(
    /// Who clicked.
    Verdict { Human = 0, Suspected = 1, Bot = 2, Internal = 3 }
);

coded!(
    /// Why a click was judged as it was.
    VerdictReason {
        /// Nothing spoke against a person.
        NoSignal = 0,
        /// A HEAD request: a link checker or a preview, never a person.
        HeadRequest = 1,
        /// The user agent names a crawler.
        Crawler = 2,
        /// The user agent is that of an HTTP library or command-line tool.
        HttpLibrary = 3,
        /// There is no user agent at all.
        NoUserAgent = 4,
        /// A browser fetched the page ahead, in case the person goes there.
        Prefetch = 5,
        /// The same, and rendered it.
        Prerender = 6,
        /// A browser made a preview of the page, such as a picture.
        Preview = 7,
        /// A service looked what to show of the link where it was posted.
        LinkPreview = 8,
        /// A crawler that gathers texts for language models.
        AiCrawler = 9,
        /// An assistant that was asked something by a person.
        AiAssistant = 10,
        /// A service that watches whether pages are up.
        Monitor = 11,
        /// A browser that a program runs without a screen.
        Headless = 12,
        /// The user agent names a program that is no browser.
        NotABrowser = 13,
        /// Headers are missing that the browser which the user agent names always sends.
        MissingHeaders = 14,
        /// Headers say another browser than the user agent.
        Contradiction = 15,
        /// A page loaded the link as a part of itself, such as a picture; nobody opened it.
        PartOfAPage = 16,
        /// The workspace's own: by network, or by the visitor's wish.
        OwnTraffic = 17,
        /// One address or one link had more clicks in a moment than people make.
        Rate = 20,
        /// One visitor opened several links of the workspace within moments, as scanners of mail do.
        Burst = 21,
        /// One visitor clicked more often within moments than people do.
        VisitorRate = 22,
        /// It came from a network of rented servers.
        DataCentre = 23,
    }
);

impl VerdictReason {
    /// The stable name and a sentence for a person.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::NoSignal => ("NO_SIGNAL", "Nothing about the request speaks against a person."),
            Self::HeadRequest => ("HEAD_REQUEST", "A HEAD request comes from link checkers and previews, not from a person."),
            Self::Crawler => ("CRAWLER", "The user agent names a crawler."),
            Self::HttpLibrary => ("HTTP_LIBRARY", "The user agent is that of an HTTP library or command-line tool."),
            Self::Prefetch => ("PREFETCH", "The browser fetched the page ahead; when the person goes there, that is a click of its own."),
            Self::Prerender => {
                ("PRERENDER", "The browser fetched and rendered the page ahead; when the person goes there, that is a click of its own.")
            }
            Self::Preview => ("PREVIEW", "The browser made a preview of the page; nobody opened it."),
            Self::LinkPreview => {
                ("LINK_PREVIEW", "The user agent is that of a service that shows previews of links where they are posted.")
            }
            Self::AiCrawler => ("AI_CRAWLER", "The user agent names a crawler that gathers texts for language models."),
            Self::AiAssistant => ("AI_ASSISTANT", "The user agent names an AI assistant that looked at the page for a person."),
            Self::Monitor => ("MONITOR", "The user agent names a service that watches whether pages are up."),
            Self::Headless => ("HEADLESS_BROWSER", "The browser is run by a program, without a screen."),
            Self::NotABrowser => ("NOT_A_BROWSER", "The user agent names a program that is no browser."),
            Self::MissingHeaders => ("MISSING_HEADERS", "Headers are missing that the browser which the user agent names always sends."),
            Self::Contradiction => {
                ("CONTRADICTORY_HEADERS", "The headers are those of another browser than the one that the user agent names.")
            }
            Self::PartOfAPage => ("PART_OF_A_PAGE", "A page loaded the link as a part of itself, such as a picture; nobody opened it."),
            Self::OwnTraffic => {
                ("OWN_TRAFFIC", "It came from one of the workspace's own networks, or from a device that asked not to be counted.")
            }
            Self::Rate => ("RATE", "There were more clicks from this address, or of this link, at that moment than people make."),
            Self::Burst => {
                ("BURST", "At least four links of the workspace were opened within two seconds by one visitor, as scanners of mail do.")
            }
            Self::VisitorRate => ("VISITOR_RATE", "This visitor clicked more often within two seconds than people do."),
            Self::DataCentre => ("DATA_CENTRE", "It came from a data centre: there are programs there, and people behind some VPNs."),
            Self::NoUserAgent => ("NO_USER_AGENT", "The request carried no user agent, which every browser sends."),
        }
    }
}
