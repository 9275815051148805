//! Requests for what is no link. On a workspace's own domain a miss is the workspace's and taken down like a
//! click, before it is answered; on the shared one, and for hosts that are nobody's, only metrics count it.

use domain::{Address, CapturedMiss, Method, MissId, ServedDomain};

use super::{Asked, Service};
use crate::answer::{self, Answer, Page};
use crate::domains::Place;
use crate::methods::only_opened;

/// What browsers, apps and crawlers ask each host for by themselves: nobody has followed a link there.
const ASKED_BY_ITSELF: [&str; 10] = [
    "/ads.txt",
    "/app-ads.txt",
    "/apple-app-site-association",
    "/browserconfig.xml",
    "/crossdomain.xml",
    "/humans.txt",
    "/llms.txt",
    "/manifest.json",
    "/security.txt",
    "/site.webmanifest",
];
/// The same in many sizes and spellings; a slug has no full stop.
const ASKED_IN_MANY_WAYS: [&str; 3] = ["/apple-touch-icon", "/favicon", "/sitemap"];

impl Service {
    /// The answer where there is no link, which costs a visitor of what may be asked for.
    pub(super) async fn miss(&self, asked: &Asked<'_>, slug: Option<&str>) -> Answer {
        let may_ask = self.rates.may_ask(asked.client, asked.started);
        if !may_ask {
            self.count_miss(asked.place);
            return self.refuse();
        }
        self.nothing(asked, slug).await
    }

    /// Counts a miss, takes it down and answers it. `slug` is what was looked up, where it can be a slug.
    pub(super) async fn nothing(&self, asked: &Asked<'_>, slug: Option<&str>) -> Answer {
        self.count_miss(asked.place);
        if let Place::Own(domain) = asked.place {
            self.take_down(asked, domain, slug).await;
        }
        if asked.method == Method::Post {
            return only_opened();
        }
        asked.place.own_miss().unwrap_or_else(|| answer::page(Page::NotFound))
    }

    fn count_miss(&self, place: &Place) {
        match place {
            Place::Own(_) => self.domains.count_miss(),
            Place::Shared | Place::Nowhere | Place::CannotTell => drop(self.counters.misses.inc()),
        }
    }

    async fn take_down(&self, asked: &Asked<'_>, domain: &ServedDomain, slug: Option<&str>) {
        if asked.method == Method::Post || is_asked_by_itself(asked.head.uri.path()) {
            return;
        }
        if !self.rates.may_keep_miss(domain.id, asked.client, asked.started) {
            self.keeper.count_miss(domain.workspace);
            return;
        }
        self.warn_of_hidden_visitors(asked.peer, asked.head);
        let said = asked.said();
        let miss = CapturedMiss {
            id: MissId::new(self.clock.now(), self.rng.entropy()),
            workspace: domain.workspace,
            domain: domain.id,
            slug: slug.map(str::to_owned),
            method: asked.method,
            address: Address::Full(asked.client.ip),
            user_agent: said.user_agent,
            signals: said.signals.set,
            judged: None,
        };
        self.keeper.keep_miss(miss).await;
    }
}

fn is_asked_by_itself(path: &str) -> bool {
    path.starts_with("/.well-known/")
        || ASKED_BY_ITSELF.contains(&path)
        || path.contains('.') && ASKED_IN_MANY_WAYS.iter().any(|begin| path.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_ask_for_by_themselves_is_no_miss_of_anybody() {
        for path in ["/.well-known/security.txt", "/favicon-32x32.png", "/apple-touch-icon-precomposed.png", "/sitemap.xml", "/ads.txt"] {
            assert!(is_asked_by_itself(path), "{path}");
        }
        for path in ["/favicon", "/sitemap", "/sale", "/sale.html", "/wp-login.php", "/.env", "/a/favicon.ico"] {
            assert!(!is_asked_by_itself(path), "{path}");
        }
    }
}
