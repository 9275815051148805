//! Public addresses of the audience's countries, drawn from the geo database itself: what it knows
//! of a random address decides which country's pool the network goes to. Without a database the
//! addresses are those reserved for documentation, which no database places anywhere.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use worker::GeoDatabases;

use super::countries::COUNTRIES;
use super::dice::Dice;

/// Random addresses looked up; a country with one address in a thousand gets some 40 networks.
const PROBES_V4: usize = 40_000;
const PROBES_V6: usize = 20_000;
/// Of each country; more would not be seen.
const POOL: usize = 400;
/// How many visitors of a country with IPv6 networks come by IPv6.
const V6_SHARE: f64 = 0.3;
/// The registries' large IPv6 blocks (https://www.iana.org/assignments/ipv6-unicast-address-assignments),
/// each a /12.
const V6_BLOCKS: [u16; 5] = [0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];

/// The networks of one country: /24 and /48, by their first address.
#[derive(Debug, Default)]
struct Pool {
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
}

#[derive(Debug)]
pub(super) struct Places {
    pools: HashMap<&'static str, Pool>,
    elsewhere: Pool,
}

impl Places {
    pub fn sample(geo: &GeoDatabases, dice: &Dice) -> Self {
        let mut pools: HashMap<&'static str, Pool> = COUNTRIES.iter().map(|country| (country.code, Pool::default())).collect();
        for _ in 0..PROBES_V4 {
            let network = Ipv4Addr::from_bits((dice.below(1 << 24) as u32) << 8);
            if is_public(network)
                && let Some(pool) = pool_of(&mut pools, geo, network.into())
                && pool.v4.len() < POOL
            {
                pool.v4.push(network);
            }
        }
        for _ in 0..PROBES_V6 {
            let network = random_v6(dice);
            if let Some(pool) = pool_of(&mut pools, geo, network.into())
                && pool.v6.len() < POOL
            {
                pool.v6.push(network);
            }
        }
        Self { pools, elsewhere: documentation() }
    }

    /// An address that the database places in `country`, if it knows any.
    pub fn address_in(&self, country: &str, dice: &Dice) -> IpAddr {
        let known = self.pools.get(country).filter(|pool| !pool.v4.is_empty() || !pool.v6.is_empty());
        address(known.unwrap_or(&self.elsewhere), dice)
    }
}

fn pool_of<'a>(pools: &'a mut HashMap<&'static str, Pool>, geo: &GeoDatabases, ip: IpAddr) -> Option<&'a mut Pool> {
    pools.get_mut(geo.place(ip).country?.as_str())
}

fn address(pool: &Pool, dice: &Dice) -> IpAddr {
    if pool.v4.is_empty() || (!pool.v6.is_empty() && dice.chance(V6_SHARE)) {
        let network = dice.any(&pool.v6).to_bits();
        // The /64 of a household, and a random interface in it.
        return Ipv6Addr::from_bits(network | (u128::from(dice.below(1 << 16)) << 64) | u128::from(dice.below(u64::MAX))).into();
    }
    // Neither the network's own address nor its broadcast.
    Ipv4Addr::from_bits(dice.any(&pool.v4).to_bits() | (1 + dice.below(254) as u32)).into()
}

fn random_v6(dice: &Dice) -> Ipv6Addr {
    // Registries hand out /32 from the beginning of their blocks, so the first /16s are the
    // fullest.
    let first = dice.any(&V6_BLOCKS) + dice.below(4) as u16;
    Ipv6Addr::new(first, dice.below(1 << 16) as u16, dice.below(1 << 8) as u16, 0, 0, 0, 0, 0)
}

/// Whether a /24 may be a visitor's: not special (https://www.iana.org/assignments/iana-ipv4-special-registry).
fn is_public(network: Ipv4Addr) -> bool {
    let [a, b, ..] = network.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (18..20).contains(&b);
    let special = network.is_private() || network.is_loopback() || network.is_link_local() || network.is_documentation();
    (1..224).contains(&a) && !special && !shared && !benchmark
}

fn documentation() -> Pool {
    Pool {
        v4: vec![Ipv4Addr::new(192, 0, 2, 0), Ipv4Addr::new(198, 51, 100, 0), Ipv4Addr::new(203, 0, 113, 0)],
        v6: (0..16).map(|network| Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, 0)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use platform::Rng;

    use super::*;

    #[test]
    fn without_a_database_addresses_are_those_of_documentation() {
        let dice = Dice::new(Rng::seeded(3));
        let places = Places::sample(&GeoDatabases::default(), &dice);
        for _ in 0..200 {
            match places.address_in("DE", &dice) {
                IpAddr::V4(ip) => assert!(ip.is_documentation() && !matches!(ip.octets()[3], 0 | 255), "{ip}"),
                IpAddr::V6(ip) => assert_eq!(ip.segments()[..2], [0x2001, 0xdb8], "{ip}"),
            }
        }
    }

    #[test]
    fn special_networks_have_no_visitors() {
        let public = |text: &str| is_public(text.parse().unwrap());
        assert!(public("8.8.8.0") && public("193.0.0.0") && public("100.63.0.0"));
        for special in ["0.0.0.0", "10.1.2.0", "127.0.0.0", "100.64.1.0", "169.254.9.0", "192.168.0.0", "198.18.0.0", "203.0.113.0", "224.0.0.0"]
        {
            assert!(!public(special), "{special}");
        }
    }

    #[test]
    fn networks_stay_within_their_country() {
        let pool = Pool { v4: vec![Ipv4Addr::new(193, 0, 0, 0)], v6: vec!["2a02:908:7::".parse().unwrap()] };
        let dice = Dice::new(Rng::seeded(4));
        for _ in 0..100 {
            match address(&pool, &dice) {
                IpAddr::V4(ip) => assert_eq!(ip.octets()[..3], [193, 0, 0]),
                IpAddr::V6(ip) => assert_eq!(ip.segments()[..3], [0x2a02, 0x908, 7]),
            }
        }
    }
}
