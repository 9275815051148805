//! Where clicks come from: search, advertisements, mail, social networks, partners, print. Each
//! source has its referrers, its tags on the short URL, and the devices it is seen on.

use super::dice::Dice;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Search,
    SearchAds,
    Newsletter,
    LinkedIn,
    X,
    Facebook,
    Instagram,
    Reddit,
    HackerNews,
    Mastodon,
    YouTube,
    Partner,
    Qr,
    Chat,
    Direct,
}

/// On which devices a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    Any,
    /// Mostly on computers.
    Desk,
    Phone,
    /// Within an app, by the name it has in the table of agents.
    App(&'static str),
}

/// What a source looks like; `""` among the referrers or queries means none.
#[derive(Debug)]
pub(super) struct Looks {
    pub name: &'static str,
    pub screen: Screen,
    referrers: &'static [(&'static str, f64)],
    queries: &'static [&'static str],
}

const fn looks(
    name: &'static str,
    screen: Screen,
    referrers: &'static [(&'static str, f64)],
    queries: &'static [&'static str],
) -> Looks {
    Looks { name, screen, referrers, queries }
}

const SEARCH: Looks = looks(
    "search",
    Screen::Any,
    &[
        ("https://www.google.com/", 80.0),
        ("https://www.bing.com/", 9.0),
        ("https://duckduckgo.com/", 6.0),
        ("https://www.ecosia.org/", 3.0),
        ("https://search.yahoo.co.jp/", 2.0),
    ],
    &[""],
);
const SEARCH_ADS: Looks = looks(
    "search ads",
    Screen::Any,
    &[("https://www.google.com/", 85.0), ("https://www.bing.com/", 15.0)],
    &[
        "utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_term=order+online&gad_source=1",
        "utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_term=plans+and+prices&gad_source=1",
        "utm_source=google&utm_medium=cpc&utm_campaign=generic&utm_term=link+tracking&gad_source=1",
    ],
);
const NEWSLETTER: Looks = looks(
    "the newsletter",
    Screen::Any,
    &[("", 84.0), ("https://mail.google.com/", 8.0), ("https://outlook.live.com/", 6.0), ("android-app://com.google.android.gm/", 2.0)],
    &[
        "utm_source=newsletter&utm_medium=email&utm_campaign=weekly&utm_content=headline&issue=112",
        "utm_source=newsletter&utm_medium=email&utm_campaign=weekly&utm_content=button&issue=112",
        "utm_source=newsletter&utm_medium=email&utm_campaign=weekly&utm_content=footer&issue=111",
    ],
);
const LINKED_IN: Looks = looks(
    "LinkedIn",
    Screen::Desk,
    &[("https://www.linkedin.com/", 70.0), ("android-app://com.linkedin.android/", 20.0), ("https://lnkd.in/", 10.0)],
    &["", "utm_source=linkedin&utm_medium=social", "utm_source=linkedin&utm_medium=paid-social&utm_campaign=hiring"],
);
const X: Looks = looks("X", Screen::Any, &[("https://t.co/", 96.0), ("", 4.0)], &["", "utm_source=x&utm_medium=social"]);
const FACEBOOK: Looks = looks(
    "Facebook",
    Screen::App("Facebook"),
    &[("https://l.facebook.com/", 55.0), ("https://m.facebook.com/", 35.0), ("https://lm.facebook.com/", 10.0)],
    &["", "utm_source=facebook&utm_medium=social", "utm_source=facebook&utm_medium=paid-social&utm_content=carousel"],
);
const INSTAGRAM: Looks = looks(
    "Instagram",
    Screen::App("Instagram"),
    &[("https://l.instagram.com/", 80.0), ("https://www.instagram.com/", 20.0)],
    &["utm_source=instagram&utm_medium=social&utm_content=bio", "utm_source=instagram&utm_medium=social&utm_content=story", ""],
);
const REDDIT: Looks =
    looks("Reddit", Screen::Any, &[("https://www.reddit.com/", 85.0), ("https://old.reddit.com/", 8.0), ("", 7.0)], &[""]);
const HACKER_NEWS: Looks =
    looks("Hacker News", Screen::Desk, &[("https://news.ycombinator.com/", 88.0), ("https://hn.algolia.com/", 4.0), ("", 8.0)], &[""]);
const MASTODON: Looks =
    looks("Mastodon", Screen::Any, &[("https://mastodon.social/", 40.0), ("https://fosstodon.org/", 15.0), ("", 45.0)], &[""]);
const YOU_TUBE: Looks = looks(
    "YouTube",
    Screen::Any,
    &[("https://www.youtube.com/", 75.0), ("https://m.youtube.com/", 25.0)],
    &["utm_source=youtube&utm_medium=video&utm_content=description", ""],
);
const PARTNER: Looks = looks(
    "partner sites",
    Screen::Any,
    &[("https://partners.example.net/", 50.0), ("https://magazine.example.org/", 30.0), ("https://deals.example.net/", 20.0)],
    &["utm_medium=referral&partner=p-107", "utm_medium=referral&partner=p-212", "utm_medium=affiliate&partner=p-318&banner=wide"],
);
const QR: Looks = looks(
    "a printed code",
    Screen::Phone,
    &[("", 1.0)],
    &[
        "utm_source=print&utm_medium=qr&placement=window",
        "utm_source=print&utm_medium=qr&placement=counter",
        "utm_source=print&utm_medium=qr&placement=poster-station",
        "utm_source=print&utm_medium=qr&placement=packaging",
    ],
);
const CHAT: Looks = looks(
    "chats",
    Screen::Any,
    &[("", 82.0), ("android-app://com.slack/", 6.0), ("https://teams.microsoft.com/", 6.0), ("https://web.telegram.org/", 6.0)],
    &[""],
);
const DIRECT: Looks = looks("typed in", Screen::Any, &[("", 1.0)], &[""]);

impl Source {
    pub fn looks(self) -> &'static Looks {
        match self {
            Self::Search => &SEARCH,
            Self::SearchAds => &SEARCH_ADS,
            Self::Newsletter => &NEWSLETTER,
            Self::LinkedIn => &LINKED_IN,
            Self::X => &X,
            Self::Facebook => &FACEBOOK,
            Self::Instagram => &INSTAGRAM,
            Self::Reddit => &REDDIT,
            Self::HackerNews => &HACKER_NEWS,
            Self::Mastodon => &MASTODON,
            Self::YouTube => &YOU_TUBE,
            Self::Partner => &PARTNER,
            Self::Qr => &QR,
            Self::Chat => &CHAT,
            Self::Direct => &DIRECT,
        }
    }
}

impl Looks {
    pub fn referrer(&self, dice: &Dice) -> Option<&'static str> {
        let (referrer, _) = dice.pick(self.referrers, |(_, weight)| *weight);
        (!referrer.is_empty()).then_some(*referrer)
    }

    /// The query added to the short URL, without `?`.
    pub fn query(&self, dice: &Dice) -> Option<&'static str> {
        let query = dice.any(self.queries);
        (!query.is_empty()).then_some(*query)
    }
}
