//! How fast is too fast. A redirect that is cached is never refused: what comes above its rate is told
//! of in the click, and the worker suspects it. What finds no link, is drawn or previewed, or has no
//! key or signature that is good, is a miss, and refused with 429 above the rate of those. Above it
//! nothing is looked up either, so that guessing costs the source nothing: a link that is not cached
//! is refused as well. What a key logs above its own rate is refused too: it comes from a program,
//! which can come again. Of misses on workspaces' own domains only some are kept, and the rest counted.

use std::time::Instant;

use domain::{ApiKeyId, DomainId, LinkId};
use platform::{Allowance, Client, ExactAllowance, visitor_network};

use crate::RateLimits;

/// How many times of a second's clicks a key may log at once.
const KEY_BURST: u32 = 2;

#[derive(Debug)]
pub(crate) struct Rates {
    visitors: Allowance,
    links: Allowance,
    misses: Allowance,
    misses_kept: Allowance,
    misses_kept_of_domain: Allowance,
    keys: ExactAllowance<ApiKeyId>,
}

impl Rates {
    pub fn new(limits: RateLimits, since: Instant) -> Self {
        Self {
            visitors: Allowance::new(limits.clicks, since),
            links: Allowance::new(limits.clicks_of_link, since),
            misses: Allowance::new(limits.misses, since),
            misses_kept: Allowance::new(RateLimits::MISSES_KEPT_OF_ADDRESS, since),
            misses_kept_of_domain: Allowance::new(RateLimits::MISSES_KEPT_OF_DOMAIN, since),
            keys: ExactAllowance::new(limits.clicks_of_key, KEY_BURST, since),
        }
    }

    /// Whether a click is one too many of its address or of its link. An address that may stand for
    /// many, as that of a proxy which forwards none, is never too fast.
    pub fn is_above(&self, link: LinkId, client: Client, now: Instant) -> bool {
        if client.may_be_many {
            return false;
        }
        let visitor = self.visitors.take(visitor_network(client.ip), now);
        let link = self.links.take(link, now);
        !(visitor && link)
    }

    /// Whether a click is one too many of its address.
    pub fn is_above_for(&self, client: Client, now: Instant) -> bool {
        !client.may_be_many && !self.visitors.take(visitor_network(client.ip), now)
    }

    /// Whether a key that is good may log one more click. No other key has a share in what it may.
    pub fn may_log(&self, key: ApiKeyId, now: Instant) -> bool {
        self.keys.take(&key, now)
    }

    /// Whether an address may ask for one more thing that is no redirect.
    pub fn may_ask(&self, client: Client, now: Instant) -> bool {
        self.misses.take(visitor_network(client.ip), now)
    }

    /// Whether a miss on a domain is to be kept. What an address has too many of takes nothing from the domain's.
    pub fn may_keep_miss(&self, domain: DomainId, client: Client, now: Instant) -> bool {
        let of_address = client.may_be_many || self.misses_kept.take(visitor_network(client.ip), now);
        of_address && self.misses_kept_of_domain.take(domain, now)
    }

    /// Whether what is not known here may be looked up for an address: not once it has asked for all
    /// the misses that it may. What an address that may stand for many asks for is always looked up,
    /// since it would be refused to people who did nothing.
    pub fn may_look_up(&self, client: Client, now: Instant) -> bool {
        client.may_be_many || !self.misses.is_spent(visitor_network(client.ip), now)
    }
}
