//! How fast is too fast. A redirect is never refused: what comes above its rate is told of in the
//! click, and the worker suspects it. What finds no link, is drawn or
//! previewed, or has no key or signature that is good, is refused with 429.

use std::net::IpAddr;
use std::time::Instant;

use domain::LinkId;
use platform::{Allowance, ClientIp, visitor_network};

use crate::RateLimits;

#[derive(Debug)]
pub(crate) struct Rates {
    visitors: Allowance,
    links: Allowance,
    misses: Allowance,
}

impl Rates {
    pub fn new(limits: RateLimits, since: Instant) -> Self {
        Self {
            visitors: Allowance::new(limits.clicks, since),
            links: Allowance::new(limits.clicks_of_link, since),
            misses: Allowance::new(limits.misses, since),
        }
    }

    /// Whether a click is one too many of its address or of its link. An address that may stand for
    /// many, as that of a proxy which forwards none, is never too fast.
    pub fn is_above(&self, link: LinkId, ip: IpAddr, client_ip: &ClientIp, now: Instant) -> bool {
        if client_ip.may_be_many(ip) {
            return false;
        }
        let visitor = self.visitors.take(visitor_network(ip), now);
        let link = self.links.take(link, now);
        !(visitor && link)
    }

    /// Whether a click is one too many of its address.
    pub fn is_above_for(&self, ip: IpAddr, client_ip: &ClientIp, now: Instant) -> bool {
        !client_ip.may_be_many(ip) && !self.visitors.take(visitor_network(ip), now)
    }

    /// Whether an address may ask for one more thing that is no redirect.
    pub fn may_ask(&self, ip: IpAddr, now: Instant) -> bool {
        self.misses.take(visitor_network(ip), now)
    }
}
