//! Ranges of addresses as people write them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::network_of;

/// In `::ffff:0:0/96` lie the IPv4 addresses (RFC 4291, section 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// A CIDR range, or a single address as one; IPv4 ranges that are written as IPv6 are IPv4, since
/// visitors' addresses are.
pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let range = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?.trunc();
    let mapped: Option<(Ipv4Addr, u8)> = match range {
        IpNet::V6(range) => range.addr().to_ipv4_mapped().zip(range.prefix_len().checked_sub(MAPPED_BITS)),
        IpNet::V4(_) => None,
    };
    match mapped {
        Some((address, bits)) => Ipv4Net::new(address, bits).ok().map(IpNet::V4),
        None => Some(range),
    }
}

/// The network of a click as it is kept: the /24 of an IPv4 address, the /48 of an IPv6 one.
pub fn parse_click_network(text: &str) -> Option<String> {
    let range = parse_network(text)?;
    let bits = if range.addr().is_ipv4() { 24 } else { 48 };
    (range.prefix_len() == bits).then(|| network_of(range.addr()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_clicks_are_written_in_one_way() {
        let parsed = |text| parse_click_network(text);
        assert_eq!(parsed(" 203.0.113.9/24 ").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(parsed("2001:DB8:1:0::/48").as_deref(), Some("2001:db8:1::/48"));
        for text in ["foo", "203.0.113.9", "203.0.0.0/16", "2001:db8:1::/64", "AS64496"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_are_of_the_addresses_that_visitors_have() {
        let parsed = |text| parse_network(text).map(|range| range.to_string());
        assert_eq!(parsed(" 203.0.113.9/24 ").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(parsed("203.0.113.9").as_deref(), Some("203.0.113.9/32"));
        assert_eq!(parsed("2001:db8::1/32").as_deref(), Some("2001:db8::/32"));
        assert_eq!(parsed("::ffff:203.0.113.9/120").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(parsed("::ffff:203.0.113.9").as_deref(), Some("203.0.113.9/32"));
        assert_eq!(parsed("::/0").as_deref(), Some("::/0"));
        for text in ["", "203.0.113.0/33", "203.0.113", "example.com"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
