//! What kind of network an autonomous system is, by the table in `data/systems.tsv`.
//!
//! In data centres machines run, but people browse from there too, through a VPN or a remote desktop: the
//! class alone makes nobody a machine. From a relay's network only people come who hide their address, and
//! such a network is never a data centre.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::AutonomousSystem;

static TABLE: LazyLock<HashMap<u32, NetworkClass>> =
    LazyLock::new(|| include_str!("../data/systems.tsv").lines().filter_map(line).map(|(number, class, _)| (number, class)).collect());

/// The kind of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkClass {
    /// Of people, or not in the table.
    #[default]
    Unknown,
    /// Rented servers.
    Hosting,
    /// Where iCloud Private Relay lets people out
    /// (<https://developer.apple.com/icloud/prepare-your-network-for-icloud-private-relay/>).
    Relay,
}

impl NetworkClass {
    /// [`Unknown`](Self::Unknown) where the system is not known.
    pub fn of(system: Option<&AutonomousSystem>) -> Self {
        Self::of_number(system.map(|system| system.number))
    }

    /// The same by the system's number.
    pub fn of_number(system: Option<u32>) -> Self {
        system.and_then(|number| TABLE.get(&number)).copied().unwrap_or_default()
    }
}

/// Whether it is an autonomous system of rented servers.
pub fn is_hosting(system: u32) -> bool {
    TABLE.get(&system) == Some(&NetworkClass::Hosting)
}

/// Whether people's relays let out in that autonomous system.
pub fn is_relay(system: u32) -> bool {
    TABLE.get(&system) == Some(&NetworkClass::Relay)
}

/// None of a line that is none; a test holds that there are none but comments.
fn line(line: &str) -> Option<(u32, NetworkClass, &str)> {
    let mut fields = line.split('\t');
    let number = fields.next()?.parse().ok()?;
    let class = match fields.next()? {
        "hosting" => NetworkClass::Hosting,
        "relay" => NetworkClass::Relay,
        _ => return None,
    };
    Some((number, class, fields.next().filter(|name| !name.is_empty())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_system_and_no_system_is_there_twice() {
        let lines: Vec<_> = include_str!("../data/systems.tsv").lines().filter(|line| !line.starts_with('#')).collect();
        for text in &lines {
            assert!(line(text).is_some(), "{text}");
        }
        assert_eq!(lines.len(), TABLE.len());
    }

    #[test]
    fn relays_are_no_data_centres() {
        let of = |number| NetworkClass::of(Some(&AutonomousSystem { number, name: None }));
        assert_eq!((of(16_509), of(13_335), of(3_320)), (NetworkClass::Hosting, NetworkClass::Relay, NetworkClass::Unknown));
        assert_eq!(NetworkClass::of(None), NetworkClass::Unknown);
        for relay in [13_335, 20_940, 36_183, 54_113] {
            assert!(is_relay(relay) && !is_hosting(relay), "{relay}");
        }
        assert!(is_hosting(24_940) && !is_relay(24_940) && !is_hosting(0));
    }
}
