//! What fetches a link to show a card of it where it was posted.

use std::sync::LazyLock;

use crate::agent::words::Words;

/// By parts of user agents, in any case. Search engines are not among them: they are to index the
/// target.
const UNFURLERS: [&str; 17] = [
    "facebookexternalhit",
    "facebot",
    "twitterbot",
    "slackbot",
    "linkedinbot",
    "telegrambot",
    "discordbot",
    "skypeuripreview",
    "pinterestbot",
    "redditbot",
    "mastodon/",
    "bluesky cardyb",
    "embedly",
    "iframely",
    "vkshare",
    "microsoftpreview",
    "whatsapp/2",
];

static WORDS: LazyLock<Words<()>> = LazyLock::new(|| Words::in_any_case(UNFURLERS.map(|word| (word, ()))));

/// Whether a user agent is that of a service that shows cards of links. Each of them is judged a
/// machine.
pub fn is_unfurler(user_agent: &str) -> bool {
    WORDS.any(user_agent)
}
