//! Lists of autonomous systems as npm's @ip-location-db/asn has them: a line for each range of addresses,
//! `first,last,number,name`, the name in quotation marks where it has a comma (RFC 4180).
//!
//! Half a million ranges take about 13 MB, a third of the file.

use std::collections::HashMap;
use std::net::IpAddr;

use domain::AutonomousSystem;
use ipnet::IpNet;

/// A range of addresses as numbers, both ends included, and the place of its system.
type Range<T> = (T, T, u32);

#[derive(Debug, Default)]
pub(super) struct Ranges {
    v4: Vec<Range<u32>>,
    v6: Vec<Range<u128>>,
    systems: Vec<System>,
    /// All names, one after another.
    names: String,
}

#[derive(Clone, Copy, Debug)]
struct System {
    number: u32,
    name: (u32, u32),
}

impl Ranges {
    /// # Errors
    /// In words, naming the first line that is none.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
        let mut ranges = Self::default();
        let mut known: HashMap<(u32, &str), u32> = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let Some((first, last, number, name)) = parse(line) else {
                return Err(format!("line {} is not like 192.0.2.0,192.0.2.255,64496,\"Name\"", index + 1));
            };
            let system = *known.entry((number, name)).or_insert_with(|| ranges.add(number, name));
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => ranges.v4.push((first.into(), last.into(), system)),
                (IpAddr::V6(first), IpAddr::V6(last)) => ranges.v6.push((first.into(), last.into(), system)),
                _ => return Err(format!("line {} begins with an address of IPv4 and one of IPv6", index + 1)),
            }
        }
        if ranges.systems.is_empty() {
            return Err("it is empty".into());
        }
        ranges.v4.sort_unstable();
        ranges.v6.sort_unstable();
        ranges.v4.shrink_to_fit();
        ranges.v6.shrink_to_fit();
        ranges.names.shrink_to_fit();
        Ok(ranges)
    }

    fn add(&mut self, number: u32, name: &str) -> u32 {
        let start = self.names.len() as u32;
        self.names.push_str(&name.replace("\"\"", "\""));
        self.systems.push(System { number, name: (start, self.names.len() as u32) });
        self.systems.len() as u32 - 1
    }

    pub fn look_up(&self, ip: IpAddr) -> Option<AutonomousSystem> {
        self.system(match ip {
            IpAddr::V4(ip) => find(&self.v4, ip.into()),
            IpAddr::V6(ip) => find(&self.v6, ip.into()),
        }?)
    }

    /// What is so of each address of a network; `None` where it is not one and the same.
    pub fn look_up_network(&self, network: IpNet) -> Option<Option<AutonomousSystem>> {
        let place = match network {
            IpNet::V4(network) => find_all(&self.v4, network.network().into(), network.broadcast().into()),
            IpNet::V6(network) => find_all(&self.v6, network.network().into(), network.broadcast().into()),
        }?;
        Some(place.and_then(|place| self.system(place)))
    }

    fn system(&self, place: u32) -> Option<AutonomousSystem> {
        let System { number, name: (start, end) } = *self.systems.get(place as usize)?;
        let name = self.names.get(start as usize..end as usize).filter(|name| !name.is_empty());
        Some(AutonomousSystem { number, name: name.map(str::to_owned) })
    }
}

fn find<T: Ord + Copy>(ranges: &[Range<T>], ip: T) -> Option<u32> {
    let after = ranges.partition_point(|(first, _, _)| *first <= ip);
    let (_, last, system) = ranges.get(after.checked_sub(1)?)?;
    (ip <= *last).then_some(*system)
}

/// The range that all of these are in, if they are in one, or `Some(None)` where none of them is in any.
fn find_all<T: Ord + Copy>(ranges: &[Range<T>], first: T, last: T) -> Option<Option<u32>> {
    let after = ranges.partition_point(|(start, _, _)| *start <= last);
    match after.checked_sub(1).and_then(|before| ranges.get(before)) {
        Some((start, end, system)) if *start <= first && last <= *end => Some(Some(*system)),
        Some((_, end, _)) if *end >= first => None,
        _ => Some(None),
    }
}

fn parse(line: &str) -> Option<(IpAddr, IpAddr, u32, &str)> {
    let mut fields = line.splitn(4, ',');
    let (first, last) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let number = fields.next()?.parse().ok()?;
    let name = fields.next().unwrap_or_default();
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    Some((first, last, number, quoted.unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "198.51.100.0,198.51.100.255,64496,\"One, \"\"Inc.\"\"\"\n\
                        192.0.2.0,192.0.2.127,64497,Two\n\
                        192.0.2.128,192.0.2.129,64498,\n\
                        2001:db8::,2001:db8:1:ffff:ffff:ffff:ffff:ffff,64497,Two\n";

    #[test]
    fn addresses_are_found_in_their_ranges_alone() {
        let ranges = Ranges::read(LIST.as_bytes()).unwrap();
        let of = |ip: &str| ranges.look_up(ip.parse().unwrap()).map(|system| (system.number, system.name));
        let two = Some((64_497, Some("Two".to_owned())));
        assert_eq!(of("198.51.100.0"), Some((64_496, Some("One, \"Inc.\"".to_owned()))));
        assert_eq!((of("192.0.2.0"), of("192.0.2.127")), (two.clone(), two.clone()));
        assert_eq!((of("192.0.2.129"), of("192.0.2.130")), (Some((64_498, None)), None));
        assert_eq!((of("2001:db8:1:ffff::"), of("2001:db8:2::")), (two, None));
        assert_eq!((of("0.0.0.0"), of("255.255.255.255"), of("::")), (None, None, None));
        assert_eq!(ranges.systems.len(), 3, "each is kept once");
    }

    #[test]
    fn a_list_that_is_none_names_its_line() {
        let error = |text: &str| Ranges::read(text.as_bytes()).unwrap_err();
        assert!(error(&format!("{LIST}a,b,c,d\n")).contains("line 5"));
        assert!(error("192.0.2.0,2001:db8::,1,X").contains("line 1"));
        assert!(error("16777216,16777471,13335,Cloudflare").contains("line 1"));
        assert_eq!(error(""), "it is empty");
        assert_eq!(Ranges::read(b"\xff").unwrap_err(), "it is no UTF-8 text");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([0-9a-f.:]{0,9},){0,3}[a-z\",\n]{0,9}", ip: u32) {
            if let Ok(ranges) = Ranges::read(text.as_bytes()) {
                let _ = ranges.look_up(IpAddr::V4(ip.into()));
            }
        }
    }
}
