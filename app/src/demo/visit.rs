//! One visit: who comes, from where, by which way, and what their browser sends. The live traffic
//! and the history are made of the same visits.

use std::net::IpAddr;

use domain::{Method, Millis};
use platform::Rng;

use super::agents::Agents;
use super::links::{self, DemoLink, Via};
use super::places::Places;
use super::rhythm;

/// A request as it reaches the redirector.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Visit {
    pub link: &'static DemoLink,
    pub method: Method,
    /// With the query.
    pub path: String,
    /// After `Host`, in the browser's order.
    pub headers: Vec<(String, String)>,
    pub ip: IpAddr,
}

impl Visit {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All who may come.
#[derive(Clone, Debug)]
pub(super) struct Visitors {
    pub places: Places,
    pub rng: Rng,
}

impl Visitors {
    /// Someone who is awake at this time; to a link of their liking unless one is given.
    pub fn visit(&self, at: Millis, link: Option<&'static DemoLink>) -> Visit {
        let link = link.unwrap_or_else(|| links::pick(&self.rng));
        let place = self.places.pick(&self.rng, |zone| rhythm::of_zone(at, zone));
        let via = links::via(link, &self.rng);
        let path = links::path(link, via, &self.rng);
        let headers = Agents.request(&self.rng, place.languages, via.referrer());
        let method = if via == Via::Preview && self.chance(0.3) { Method::Head } else { Method::Get };
        Visit { link, method, path, headers, ip: place.ip }
    }

    /// How busy it is at this time; 1 on average.
    pub fn busy(&self, at: Millis) -> f64 {
        rhythm::activity(at, self.places.countries())
    }

    pub fn chance(&self, probability: f64) -> bool {
        rhythm::even(&self.rng) <= probability
    }
}

#[cfg(test)]
pub(super) fn seeded(seed: u64) -> Visitors {
    let rng = Rng::seeded(seed);
    Visitors { places: Places::sample(&[], &rng), rng }
}
