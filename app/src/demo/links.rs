//! The demo's links: what a small company with a shop, a blog and a café might share, each with
//! its popularity and the places it is shared in.

use super::sources::Source;

#[derive(Debug)]
pub(super) struct DemoLink {
    pub slug: &'static str,
    pub title: &'static str,
    pub target: &'static str,
    /// Its weight among all clicks.
    pub popularity: f64,
    pub sources: &'static [(Source, f64)],
    /// Whether a post about it may go viral, and where.
    pub viral: Option<Source>,
}

pub(super) const LINKS: [DemoLink; 12] = [
    DemoLink {
        slug: "winter-sale",
        title: "Winter sale",
        target: "https://example.com/sale?utm_source=newsletter&utm_medium=email&utm_campaign=winter-sale",
        popularity: 24.0,
        sources: &[(Source::Newsletter, 60.0), (Source::Instagram, 15.0), (Source::Facebook, 15.0), (Source::SearchAds, 10.0)],
        viral: Some(Source::Instagram),
    },
    DemoLink {
        slug: "launch",
        title: "Product launch: the announcement",
        target: "https://example.com/news/launch?utm_source=social&utm_medium=post&utm_campaign=launch",
        popularity: 18.0,
        sources: &[(Source::X, 30.0), (Source::LinkedIn, 30.0), (Source::Mastodon, 10.0), (Source::YouTube, 15.0), (Source::Chat, 15.0)],
        viral: Some(Source::X),
    },
    DemoLink {
        slug: "page-weight",
        title: "Blog: how we halved the weight of our pages",
        target: "https://example.org/blog/page-weight?utm_source=blog&utm_medium=share&utm_campaign=engineering",
        popularity: 13.0,
        sources: &[(Source::HackerNews, 35.0), (Source::Reddit, 25.0), (Source::Mastodon, 20.0), (Source::Search, 20.0)],
        viral: Some(Source::HackerNews),
    },
    DemoLink {
        slug: "pricing",
        title: "Plans and prices",
        target: "https://example.com/pricing?utm_source=ads&utm_medium=cpc&utm_campaign=brand",
        popularity: 10.0,
        sources: &[(Source::SearchAds, 60.0), (Source::Search, 20.0), (Source::Partner, 20.0)],
        viral: None,
    },
    DemoLink {
        slug: "get-the-app",
        title: "Get the app",
        target: "https://example.com/app?utm_source=print&utm_medium=qr&utm_campaign=app",
        popularity: 9.0,
        sources: &[(Source::Qr, 55.0), (Source::Instagram, 20.0), (Source::Direct, 25.0)],
        viral: None,
    },
    DemoLink {
        slug: "docs",
        title: "Documentation",
        target: "https://example.org/docs/start?utm_source=docs&utm_medium=link",
        popularity: 7.0,
        sources: &[(Source::Search, 55.0), (Source::Chat, 25.0), (Source::Direct, 20.0)],
        viral: None,
    },
    DemoLink {
        slug: "menu",
        title: "Menu: the code on the tables",
        target: "https://example.net/cafe/menu?utm_source=table&utm_medium=qr&utm_campaign=cafe",
        popularity: 6.0,
        sources: &[(Source::Qr, 95.0), (Source::Direct, 5.0)],
        viral: None,
    },
    DemoLink {
        slug: "webinar",
        title: "Webinar: measuring campaigns without cookies",
        target: "https://example.com/webinar?utm_source=newsletter&utm_medium=email&utm_campaign=webinar",
        popularity: 4.0,
        sources: &[(Source::Newsletter, 55.0), (Source::LinkedIn, 40.0), (Source::Chat, 5.0)],
        viral: None,
    },
    DemoLink {
        slug: "podcast",
        title: "Podcast, episode 42",
        target: "https://example.org/podcast/42?utm_source=podcast&utm_medium=audio&utm_campaign=episode-42",
        popularity: 3.5,
        sources: &[(Source::Direct, 60.0), (Source::YouTube, 25.0), (Source::Reddit, 15.0)],
        viral: Some(Source::Reddit),
    },
    DemoLink {
        slug: "street-festival",
        title: "Street festival: tickets",
        target: "https://example.net/festival/tickets?utm_source=poster&utm_medium=print&utm_campaign=festival",
        popularity: 2.5,
        sources: &[(Source::Instagram, 40.0), (Source::Facebook, 30.0), (Source::Qr, 30.0)],
        viral: Some(Source::Facebook),
    },
    DemoLink {
        slug: "jobs",
        title: "Open positions",
        target: "https://example.com/jobs?utm_source=linkedin&utm_medium=social&utm_campaign=hiring",
        popularity: 2.0,
        sources: &[(Source::LinkedIn, 70.0), (Source::Search, 20.0), (Source::Chat, 10.0)],
        viral: None,
    },
    DemoLink {
        slug: "partner-offer",
        title: "Offer for readers of our partners",
        target: "https://example.com/offer?utm_source=partner&utm_medium=referral&utm_campaign=partners",
        popularity: 1.0,
        sources: &[(Source::Partner, 100.0)],
        viral: None,
    },
];

#[cfg(test)]
mod tests {
    use domain::{ShortDomain, Slug, TargetUrl};

    use super::*;

    #[test]
    fn each_link_would_be_accepted() {
        let own = ShortDomain::parse("127.0.0.1:8081").unwrap();
        for (place, link) in LINKS.iter().enumerate() {
            assert!(Slug::parse(link.slug).is_ok(), "{}", link.slug);
            assert!(TargetUrl::parse(link.target, &own).is_ok(), "{}", link.target);
            assert!(link.target.contains("utm_source="), "{}", link.target);
            assert!(!link.sources.is_empty() && link.popularity > 0.0);
            assert!(LINKS[..place].iter().all(|other| other.slug != link.slug && other.popularity >= link.popularity));
        }
        assert!(LINKS.iter().any(|link| link.viral.is_some()));
    }
}
