//! Whose request it is: the right-most address that is not a trusted proxy. Forwarded headers
//! count only from a trusted peer, since anyone can write them.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED: &str = "forwarded";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Who asks, as far as trusted proxies tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub ip: IpAddr,
    /// Whether the address may stand for many visitors: a proxy of one's own, trusted or not, or this
    /// machine. It is such an address only where nobody forwarded one.
    pub may_be_many: bool,
}

#[derive(Clone, Debug)]
pub struct ClientIp {
    trusted: Vec<IpNet>,
}

impl ClientIp {
    pub fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted }
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&ip))
    }

    /// Whether a connection's other end may stand for many visitors: see [`Client::may_be_many`].
    pub fn is_crowd(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusts(peer) || is_private(peer)
    }

    /// The visitor's address, as far as trusted proxies tell.
    pub fn of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.client(peer, headers).ip
    }

    /// The same, and whether it may stand for many.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let (mut ip, mut trusted) = (peer.to_canonical(), self.trusts(peer.to_canonical()));
        let hops = headers.get_all(FORWARDED_FOR).iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            // What cannot be read was not written by a proxy that is to be trusted.
            let Some(forwarded) = trusted.then(|| std::str::from_utf8(hop).ok().and_then(parse)).flatten() else { break };
            (ip, trusted) = (forwarded, self.trusts(forwarded));
        }
        Client { ip, may_be_many: trusted || is_private(ip) }
    }

    /// Whether a trusted proxy says that the visitor came to it over https.
    pub fn says_https(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let last = || headers.get_all(FORWARDED_PROTO).iter().next_back()?.as_bytes().rsplit(|byte| *byte == b',').next();
        self.trusts(peer.to_canonical()) && last().is_some_and(|proto| proto.trim_ascii().eq_ignore_ascii_case(b"https"))
    }

    /// Whether a proxy on this machine or network forwards visitors without being trusted, so
    /// that all of them look the same.
    pub fn hides_visitors(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let peer = peer.to_canonical();
        is_private(peer) && !self.trusts(peer) && (headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED))
    }
}

/// What one visitor has to choose addresses from: an IPv4 address, or the /64 of an IPv6 one. Limits
/// are of it.
pub fn visitor_network(ip: IpAddr) -> (bool, u64) {
    match ip {
        IpAddr::V4(ip) => (true, u32::from(ip).into()),
        IpAddr::V6(ip) => (false, (u128::from(ip) >> 64) as u64),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// What to set so that visitors behind `peer` are told apart.
pub fn proxy_advice(peer: IpAddr) -> String {
    let peer = peer.to_canonical();
    let bits = if peer.is_ipv4() { 32 } else { 128 };
    format!("All clicks arrive through {peer}, so every visitor looks the same. Set LINKLOGGER_TRUSTED_PROXIES={peer}/{bits}.")
}

/// An address, perhaps with a port, perhaps in brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim().trim_matches('"');
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse().ok().map(|address: SocketAddr| address.ip())).map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (hyper::header::HeaderName::from_static(FORWARDED_FOR), value.parse().unwrap())).collect()
    }

    fn of(trusted: &[&str], peer: &str, values: &[&str]) -> String {
        let trusted = trusted.iter().map(|net| net.parse().unwrap()).collect();
        ClientIp::new(trusted).of(peer.parse().unwrap(), &headers(values)).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let local = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(of(&[], "127.0.0.1", &["1.2.3.4"]), "127.0.0.1");
        assert_eq!(of(&local, "9.9.9.9", &["1.2.3.4"]), "9.9.9.9");
        assert_eq!(of(&local, "127.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(of(&local, "::ffff:127.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(of(&local, "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn the_right_most_untrusted_hop_counts() {
        let local = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(of(&local, "127.0.0.1", &["6.6.6.6, 1.2.3.4, 10.1.1.1"]), "1.2.3.4");
        assert_eq!(of(&local, "127.0.0.1", &["6.6.6.6", "1.2.3.4,10.1.1.1"]), "1.2.3.4");
        assert_eq!(of(&local, "127.0.0.1", &["10.1.1.1"]), "10.1.1.1");
    }

    #[test]
    fn an_address_may_stand_for_many_where_nobody_forwarded_one() {
        let ip = ClientIp::new(vec!["127.0.0.0/8".parse().unwrap(), "198.51.100.0/24".parse().unwrap()]);
        let many = |peer: &str, values: &[&str]| ip.client(peer.parse().unwrap(), &headers(values)).may_be_many;
        assert!(!many("9.9.9.9", &[]) && !many("9.9.9.9", &["10.0.0.1"]) && !many("127.0.0.1", &["203.0.113.1"]));
        assert!(many("127.0.0.1", &[]) && many("198.51.100.1", &[]) && many("10.0.0.1", &["203.0.113.1"]));
        assert!(many("127.0.0.1", &["10.0.0.1"]) && many("127.0.0.1", &["198.51.100.7"]) && many("127.0.0.1", &["203.0.113.1, x"]));
        assert!(!many("198.51.100.1", &["127.0.0.1, 203.0.113.1"]));
    }

    #[test]
    fn forms_and_garbage() {
        let local = ["127.0.0.1/32"];
        assert_eq!(of(&local, "127.0.0.1", &["1.2.3.4:567"]), "1.2.3.4");
        assert_eq!(of(&local, "127.0.0.1", &["[2001:db8::1]:99"]), "2001:db8::1");
        assert_eq!(of(&local, "127.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(of(&local, "127.0.0.1", &["1.2.3.4, unknown"]), "127.0.0.1");
        assert_eq!(of(&local, "127.0.0.1", &["", ",,"]), "127.0.0.1");
    }

    #[test]
    fn one_visitor_of_ipv6_has_many_addresses() {
        let of = |text: &str| visitor_network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("203.0.113.1"), of("203.0.113.2"));
        assert_ne!(of("0.0.0.1"), of("0:0:0:1::"));
    }

    #[test]
    fn an_untrusted_neighbour_is_told_of() {
        let ip = ClientIp::new(vec!["10.0.0.1/32".parse().unwrap()]);
        assert!(ip.hides_visitors("127.0.0.1".parse().unwrap(), &headers(&["1.2.3.4"])));
        assert!(!ip.hides_visitors("127.0.0.1".parse().unwrap(), &headers(&[])));
        assert!(!ip.hides_visitors("10.0.0.1".parse().unwrap(), &headers(&["1.2.3.4"])));
        assert!(!ip.hides_visitors("9.9.9.9".parse().unwrap(), &headers(&["1.2.3.4"])));
        assert_eq!(
            proxy_advice("127.0.0.1".parse().unwrap()),
            "All clicks arrive through 127.0.0.1, so every visitor looks the same. Set LINKLOGGER_TRUSTED_PROXIES=127.0.0.1/32."
        );
    }
}
