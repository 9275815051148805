//! How fast is too fast. A redirect is never refused: what comes above its rate is told of in the
//! click, and the worker suspects it. What finds no link, or is drawn, is refused with 429.

use std::net::IpAddr;
use std::time::Instant;

use domain::LinkId;
use platform::{Allowance, ClientIp};

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
        let visitor = self.visitors.take(network(ip), now);
        let link = self.links.take(link, now);
        !(visitor && link)
    }

    /// Whether an address may ask for one more thing that is no redirect.
    pub fn may_ask(&self, ip: IpAddr, now: Instant) -> bool {
        self.misses.take(network(ip), now)
    }
}

/// The whole of an IPv4 address, the /64 of an IPv6 one: what one visitor has to choose from.
fn network(ip: IpAddr) -> (bool, u64) {
    match ip {
        IpAddr::V4(ip) => (true, u32::from(ip).into()),
        IpAddr::V6(ip) => (false, (u128::from(ip) >> 64) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_visitor_of_ipv6_has_many_addresses() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("203.0.113.1"), of("203.0.113.2"));
        assert_ne!(of("0.0.0.1"), of("0:0:0:1::"));
    }
}
