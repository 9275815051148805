//! The demo's links, how much each is liked, and the ways on which visitors come to it.

use platform::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DemoLink {
    pub slug: &'static str,
    pub title: &'static str,
    pub target: &'static str,
    /// Relative popularity.
    pub weight: u64,
    /// Where it was posted.
    pub ways: &'static [Via],
}

/// How a visitor came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// A newsletter, an app, a QR code: no referrer.
    Direct,
    Newsletter,
    Search,
    Social,
    Partner,
    /// A service that looks at a link someone has posted.
    Preview,
}

impl Via {
    pub fn referrer(self) -> Option<&'static str> {
        match self {
            Self::Direct | Self::Newsletter | Self::Preview => None,
            Self::Search => Some("https://www.google.com/"),
            Self::Social => Some("https://www.linkedin.com/"),
            Self::Partner => Some("https://partner.example.org/"),
        }
    }
}

const fn link(slug: &'static str, title: &'static str, target: &'static str, weight: u64, ways: &'static [Via]) -> DemoLink {
    DemoLink { slug, title, target, weight, ways }
}

pub(super) const DEMO_LINKS: &[DemoLink] = &[
    link(
        "spring-sale",
        "Spring sale",
        "https://example.com/sale?utm_source=newsletter&utm_medium=email&utm_campaign=spring",
        30,
        &[Via::Newsletter, Via::Newsletter, Via::Direct, Via::Preview],
    ),
    link(
        "launch",
        "Product launch post",
        "https://example.com/blog/launch?utm_source=linkedin&utm_medium=social&utm_campaign=launch",
        24,
        &[Via::Social, Via::Social, Via::Direct, Via::Preview],
    ),
    link("docs", "Documentation", "https://docs.example.com/start", 18, &[Via::Search, Via::Direct, Via::Partner]),
    link(
        "webinar",
        "Webinar in autumn",
        "https://example.com/webinar?utm_source=partner&utm_medium=referral&utm_campaign=webinar",
        14,
        &[Via::Partner, Via::Newsletter, Via::Preview],
    ),
    link("pricing", "Pricing", "https://example.com/pricing", 12, &[Via::Search, Via::Social, Via::Direct]),
    link("app", "Get the app", "https://example.com/app?utm_source=qr&utm_medium=print", 10, &[Via::Direct]),
    link("jobs", "Open positions", "https://example.com/jobs?utm_source=linkedin&utm_medium=social", 8, &[Via::Social, Via::Search]),
    link("changelog", "What is new", "https://example.com/changelog", 7, &[Via::Newsletter, Via::Direct]),
    link(
        "podcast",
        "Podcast, episode 12",
        "https://example.com/podcast/12?utm_source=podcast&utm_medium=audio",
        6,
        &[Via::Direct, Via::Social],
    ),
    link(
        "survey",
        "Customer survey",
        "https://example.com/survey?utm_source=newsletter&utm_medium=email&utm_campaign=survey",
        5,
        &[Via::Newsletter],
    ),
    link("status", "Status page", "https://status.example.com/", 3, &[Via::Direct, Via::Search]),
    link("press", "Press kit", "https://example.com/press", 2, &[Via::Partner, Via::Direct]),
];

/// A link, by popularity.
pub(super) fn pick(rng: &Rng) -> &'static DemoLink {
    let mut left = rng.below(DEMO_LINKS.iter().map(|link| link.weight).sum());
    DEMO_LINKS
        .iter()
        .find(|link| {
            let here = left < link.weight;
            left = left.saturating_sub(link.weight);
            here
        })
        .unwrap_or(&DEMO_LINKS[0])
}

pub(super) fn via(link: &DemoLink, rng: &Rng) -> Via {
    let index = usize::try_from(rng.below(link.ways.len() as u64)).unwrap_or_default();
    // Previews are looked at once in a while, not as often as people come.
    match link.ways.get(index) {
        Some(Via::Preview) if rng.below(4) > 0 => Via::Direct,
        Some(via) => *via,
        None => Via::Direct,
    }
}

/// The short URL's path and query as it was posted there.
pub(super) fn path(link: &DemoLink, via: Via, rng: &Rng) -> String {
    let slug = link.slug;
    match via {
        Via::Newsletter => {
            format!("/{slug}?utm_content={}", ["header", "button", "footer"][usize::try_from(rng.below(3)).unwrap_or_default()])
        }
        Via::Partner => format!("/{slug}?ref=partner&placement={}", rng.below(4)),
        Via::Social if rng.below(3) == 0 => format!("/{slug}?utm_source=mastodon&utm_medium=social"),
        Via::Direct | Via::Search | Via::Social | Via::Preview => format!("/{slug}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popular_links_are_picked_more_often() {
        let rng = Rng::seeded(1);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..20_000 {
            *counts.entry(pick(&rng).slug).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), DEMO_LINKS.len());
        assert!(counts["spring-sale"] > 3 * counts["podcast"], "{counts:?}");
    }
}
