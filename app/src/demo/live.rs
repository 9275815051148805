//! The live traffic: visits over HTTP, one after the other, with a burst now and then.

use std::net::SocketAddr;
use std::time::Duration;

use domain::Millis;
use platform::Clock;

use super::http;
use super::links::DEMO_LINKS;
use super::rhythm;
use super::visit::Visitors;

pub(super) struct Traffic {
    pub visitors: Visitors,
    pub redirect: SocketAddr,
    /// On average over a week.
    pub clicks_per_second: f64,
    pub clock: Clock,
}

impl Traffic {
    /// Goes on until it is dropped.
    pub async fn run(&self) {
        let mut burst: Option<(usize, Millis)> = None;
        loop {
            let now = self.clock.now();
            let busy = self.visitors.busy(now);
            burst = burst.filter(|(_, until)| now < *until).or_else(|| self.burst(now, busy));
            let rate = self.clicks_per_second * busy * if burst.is_some() { 4.0 } else { 1.0 };
            tokio::time::sleep(rhythm::wait(rate, &self.visitors.rng)).await;
            let link = burst.filter(|_| self.visitors.chance(0.8)).and_then(|(link, _)| DEMO_LINKS.get(link));
            let visit = self.visitors.visit(self.clock.now(), link);
            // A visit that fails is one less; the traffic goes on.
            let opened = tokio::time::timeout(Duration::from_secs(5), http::open(self.redirect, &visit));
            if let Ok(Err(error)) = opened.await {
                tracing::debug!(%error, "a demo visit failed");
            }
        }
    }

    /// About once in ten minutes something goes round.
    fn burst(&self, now: Millis, busy: f64) -> Option<(usize, Millis)> {
        let rng = &self.visitors.rng;
        self.visitors.chance(busy / (600.0 * self.clicks_per_second.max(0.1))).then(|| {
            let link = usize::try_from(rng.below(DEMO_LINKS.len() as u64)).unwrap_or_default();
            (link, now.plus(20_000 + i64::try_from(rng.below(60_000)).unwrap_or_default()))
        })
    }
}
