//! Lists of autonomous systems as npm's @ip-location-db/asn has them: a line for each range of addresses,
//! `first,last,number,name`, the name in quotation marks where it has a comma (RFC 4180).
//!
//! Lines may overlap, as two of them do in the list of 2026-06: an address is of the range that begins last,
//! of those the narrowest. In memory no two overlap, so that one look tells.
//!
//! Half a million ranges take about 13 MB, a third of the file.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::{Add, Sub};

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
            if last < first {
                return Err(format!("line {} ends before it begins", index + 1));
            }
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => ranges.v4.push((first.into(), last.into(), system)),
                (IpAddr::V6(first), IpAddr::V6(last)) => ranges.v6.push((first.into(), last.into(), system)),
                _ => return Err(format!("line {} begins with an address of IPv4 and one of IPv6", index + 1)),
            }
        }
        if ranges.systems.is_empty() {
            return Err("it is empty".into());
        }
        ranges.v4 = apart(std::mem::take(&mut ranges.v4));
        ranges.v6 = apart(std::mem::take(&mut ranges.v6));
        ranges.names.shrink_to_fit();
        Ok(ranges)
    }

    fn add(&mut self, number: u32, name: &str) -> u32 {
        let start = self.names.len() as u32;
        // PostgreSQL cannot store U+0000.
        self.names.push_str(&name.replace("\"\"", "\"").replace('\0', "\u{fffd}"));
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

/// The same without overlaps, in order, with neighbours of one system joined.
fn apart<T: Ord + Copy + Add<Output = T> + Sub<Output = T> + From<u8>>(mut ranges: Vec<Range<T>>) -> Vec<Range<T>> {
    ranges.sort_unstable_by_key(|(first, last, system)| (*first, Reverse(*last), Reverse(*system)));
    let (one, mut apart) = (T::from(1), Vec::with_capacity(ranges.len()));
    let mut put = |first: T, last: T, system: u32| match apart.last_mut() {
        Some((_, end, of)) if *of == system && *end + one == first => *end = last,
        _ => apart.push((first, last, system)),
    };
    // Those that have begun, the one that counts on top; all before `at` is put.
    let (mut open, mut at) = (Vec::<(T, u32)>::new(), T::from(0));
    for (first, last, system) in ranges {
        while let Some((end, of)) = open.pop() {
            if at <= end && at < first {
                put(at, end.min(first - one), of);
            }
            if end >= first {
                open.push((end, of));
                break;
            }
            at = at.max(end + one);
        }
        at = first;
        open.push((last, system));
    }
    while let Some((end, of)) = open.pop() {
        if at > end {
            continue;
        }
        put(at, end, of);
        while open.pop_if(|(below, _)| *below <= end).is_some() {}
        // What ends later proves that this is not the last address that there is.
        if open.is_empty() {
            break;
        }
        at = end + one;
    }
    apart.shrink_to_fit();
    apart
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
        assert!(error(&format!("{LIST}192.0.2.9,192.0.2.8,1,X")).contains("line 5 ends before"));
        assert_eq!(error(""), "it is empty");
        assert_eq!(Ranges::read(b"\xff").unwrap_err(), "it is no UTF-8 text");
    }

    /// Ranges among 256 addresses, narrow ones and wide ones.
    fn lines() -> impl Strategy<Value = Vec<(u8, u8, u32)>> {
        proptest::collection::vec((any::<u8>(), prop_oneof![0..4_u8, any::<u8>()], 1..4_u32), 1..12)
            .prop_map(|lines| lines.into_iter().map(|(first, more, number)| (first, first.saturating_add(more), number)).collect())
    }

    /// What the file says of an address, by looking at every line.
    fn scan(lines: &[(u8, u8, u32)], ip: u8) -> Option<u32> {
        let of = lines.iter().filter(|(first, last, _)| (*first..=*last).contains(&ip));
        // Of lines for the very same addresses the system that came first in the file.
        let order = |number: u32| lines.iter().position(|(_, _, known)| *known == number);
        of.min_by_key(|(first, last, number)| (Reverse(*first), *last, order(*number))).map(|(_, _, number)| *number)
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([0-9a-f.:]{0,9},){0,3}[a-z\",\n]{0,9}", ip: u32) {
            if let Ok(ranges) = Ranges::read(text.as_bytes()) {
                let _ = ranges.look_up(IpAddr::V4(ip.into()));
            }
        }

        /// At both ends of all addresses, where counting on would begin anew.
        #[test]
        fn ranges_that_overlap_are_what_a_plain_scan_makes_of_them(lines in lines(), at_end: bool, is_v6: bool, bits in 0..=8_u8) {
            let ip = |low: u8| -> IpAddr {
                match (is_v6, at_end) {
                    (false, false) => IpAddr::V4(u32::from(low).into()),
                    (false, true) => IpAddr::V4((u32::MAX - 255 + u32::from(low)).into()),
                    (true, false) => IpAddr::V6(u128::from(low).into()),
                    (true, true) => IpAddr::V6((u128::MAX - 255 + u128::from(low)).into()),
                }
            };
            let text: String = lines.iter().map(|(first, last, number)| format!("{},{},{number},\n", ip(*first), ip(*last))).collect();
            let ranges = Ranges::read(text.as_bytes()).unwrap();
            let numbers: Vec<_> = (0..=255).map(|low| ranges.look_up(ip(low)).map(|system| system.number)).collect();
            prop_assert_eq!(&numbers, &(0..=255).map(|low| scan(&lines, low)).collect::<Vec<_>>());
            let size = 1_usize << bits;
            for (block, of) in numbers.chunks(size).enumerate() {
                let network = IpNet::new(ip((block * size) as u8), if is_v6 { 128 } else { 32 } - bits).unwrap();
                let told = ranges.look_up_network(network).map(|system| system.map(|system| system.number));
                prop_assert_eq!(told, of.iter().all(|number| *number == of[0]).then_some(of[0]), "{}", network);
            }
        }
    }
}
