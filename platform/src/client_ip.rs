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
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

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

    /// An address, near to those that are trusted, as one of the ways that proxies write it.
    fn hop() -> impl Strategy<Value = (String, Option<IpAddr>)> {
        let address = prop_oneof![
            (select(vec![10_u8, 127, 203]), 0..3_u8).prop_map(|(net, host)| IpAddr::from([net, 0, 0, host])),
            any::<u32>().prop_map(|ip| IpAddr::V4(ip.into())),
            any::<u128>().prop_map(|ip| IpAddr::V6(ip.into())),
        ];
        let written = (address, 0..5_u8, any::<u16>(), "[ \t]{0,2}").prop_map(|(ip, form, port, space)| {
            let text = match (form, ip) {
                (0, ip) => SocketAddr::new(ip, port).to_string(),
                (1, ip) => format!("\"{}\"", SocketAddr::new(ip, port)),
                (2, IpAddr::V6(ip)) => format!("[{ip}]"),
                (3, IpAddr::V4(ip)) => format!("::ffff:{ip}"),
                (_, ip) => ip.to_string(),
            };
            (format!("{space}{text}{space}"), Some(ip.to_canonical()))
        });
        let garbage =
            select(vec!["", "unknown", "_hidden", "10.0.0", "10.0.0.1:99999", "[10.0.0.1", "300.1.1.1", "::1::", "10.0.0.1 10.0.0.2"]);
        prop_oneof![6 => written, 1 => garbage.prop_map(|text| (text.to_owned(), None))]
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![3 => vec(any::<u8>(), 0..40), 1 => Just(b"203.0.113.7".to_vec())]
    }

    proptest! {
        #[test]
        fn any_bytes_name_an_address_and_only_a_trusted_peer_is_asked(lines in vec(line(), 0..4), peer: u32) {
            let values = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
            let headers: HeaderMap = values.map(|value| (HeaderName::from_static(FORWARDED_FOR), value)).collect();
            let peer = IpAddr::V4(peer.into());
            let client = |trusted: &str| ClientIp::new(vec![trusted.parse().unwrap()]).client(peer, &headers);
            let _ = client("0.0.0.0/0");
            prop_assert_eq!(client("::/0").ip, peer);
        }

        /// By a walk through all hops from the nearest.
        #[test]
        fn the_nearest_that_is_not_trusted_counts(lines in vec(vec(hop(), 1..4), 0..4), peer in hop()) {
            let trusted: Vec<IpNet> = ["10.0.0.0/8", "127.0.0.1/32", "2000::/3"].map(|net| net.parse().unwrap()).to_vec();
            let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
            let Some(peer) = peer.1 else { return Ok(()) };
            let values: Vec<String> = lines.iter().map(|line| line.iter().map(|hop| hop.0.as_str()).collect::<Vec<_>>().join(",")).collect();
            let mut wanted = peer;
            for (_, hop) in lines.iter().flatten().rev() {
                match hop {
                    Some(hop) if is_trusted(wanted) => wanted = *hop,
                    _ => break,
                }
            }
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let client = ClientIp::new(trusted.clone()).client(peer, &headers(&values));
            prop_assert_eq!(client.ip, wanted);
            prop_assert_eq!(client.may_be_many, is_trusted(wanted) || is_private(wanted));
        }
    }
}
