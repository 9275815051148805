//! Where visitors are: public addresses of many countries, taken from the geo database itself, so
//! that looking them up gives the country they were meant for.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net};
use jiff::tz::TimeZone;
use maxminddb::{Reader, WithinOptions};
use platform::Rng;
use serde::Deserialize;

/// Share of the audience, zone, accepted languages.
const AUDIENCE: &[(&str, f64, &str, &str)] = &[
    ("US", 24.0, "America/New_York", "en-US,en;q=0.9"),
    ("DE", 16.0, "Europe/Berlin", "de-DE,de;q=0.9,en;q=0.8"),
    ("GB", 10.0, "Europe/London", "en-GB,en;q=0.9"),
    ("FR", 8.0, "Europe/Paris", "fr-FR,fr;q=0.9,en;q=0.7"),
    ("IN", 8.0, "Asia/Kolkata", "en-IN,en;q=0.9,hi;q=0.8"),
    ("BR", 6.0, "America/Sao_Paulo", "pt-BR,pt;q=0.9,en;q=0.6"),
    ("JP", 6.0, "Asia/Tokyo", "ja,en;q=0.8"),
    ("NL", 5.0, "Europe/Amsterdam", "nl-NL,nl;q=0.9,en;q=0.8"),
    ("ES", 4.0, "Europe/Madrid", "es-ES,es;q=0.9"),
    ("PL", 3.0, "Europe/Warsaw", "pl-PL,pl;q=0.9,en;q=0.7"),
    ("CA", 3.0, "America/Toronto", "en-CA,en;q=0.9,fr-CA;q=0.8"),
    ("AU", 3.0, "Australia/Sydney", "en-AU,en;q=0.9"),
    ("SE", 2.0, "Europe/Stockholm", "sv-SE,sv;q=0.9,en;q=0.8"),
    ("MX", 2.0, "America/Mexico_City", "es-MX,es;q=0.9,en;q=0.7"),
    ("ZA", 1.0, "Africa/Johannesburg", "en-ZA,en;q=0.9"),
    ("SG", 1.0, "Asia/Singapore", "en-SG,en;q=0.9,zh;q=0.8"),
];
/// Networks remembered for each country.
const NETWORKS: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Country {
    pub weight: f64,
    pub zone: TimeZone,
    languages: &'static str,
    networks: Vec<IpNet>,
}

/// A visitor's whereabouts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub ip: IpAddr,
    pub languages: &'static str,
}

#[derive(Clone, Debug)]
pub(super) struct Places(Vec<Country>);

#[derive(Deserialize)]
struct Row {
    country_code: Option<String>,
    country: Option<Nested>,
}

#[derive(Deserialize)]
struct Nested {
    iso_code: Option<String>,
}

impl Places {
    /// Takes some networks of each country from the databases. Without a database every visitor
    /// comes from a network that is reserved for examples (RFC 5737) and so from nowhere.
    pub fn sample(files: &[PathBuf], rng: &Rng) -> Self {
        let mut countries: Vec<Country> = AUDIENCE
            .iter()
            .map(|(_, weight, zone, languages)| {
                let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
                Country { weight: *weight, zone, languages, networks: Vec::new() }
            })
            .collect();
        let mut seen = vec![0_u64; countries.len()];
        for file in files {
            let Ok(reader) = Reader::open_readfile(file) else { continue };
            for (network, code) in networks(&reader) {
                let Some(index) = AUDIENCE.iter().position(|(country, ..)| *country == code) else { continue };
                seen[index] += 1;
                keep_some(&mut countries[index].networks, network, seen[index], rng);
            }
        }
        for country in &mut countries {
            if country.networks.is_empty() {
                country.networks.extend(Ipv4Net::new(Ipv4Addr::new(203, 0, 113, 0), 24).map(IpNet::V4));
            }
        }
        Self(countries)
    }

    pub fn countries(&self) -> &[Country] {
        &self.0
    }

    /// A visitor's place, by the size of the audience and how awake it is.
    pub fn pick(&self, rng: &Rng, awake: impl Fn(&TimeZone) -> f64) -> Place {
        let weights: Vec<f64> = self.0.iter().map(|country| country.weight * awake(&country.zone)).collect();
        let mut left = rng.below(1 << 32) as f64 / (1_u64 << 32) as f64 * weights.iter().sum::<f64>();
        let index = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        let country = &self.0[index.unwrap_or_default()];
        let network = &country.networks[usize::try_from(rng.below(country.networks.len() as u64)).unwrap_or_default()];
        Place { ip: host(network, rng), languages: country.languages }
    }
}

/// Each of all networks has the same chance to be kept (reservoir sampling).
fn keep_some(kept: &mut Vec<IpNet>, network: IpNet, seen: u64, rng: &Rng) {
    if kept.len() < NETWORKS {
        kept.push(network);
    } else if let Some(place) = usize::try_from(rng.below(seen)).ok().filter(|place| *place < NETWORKS) {
        kept[place] = network;
    }
}

/// One by one: a database of cities has millions.
fn networks(reader: &Reader<Vec<u8>>) -> impl Iterator<Item = (IpNet, String)> {
    reader.networks(WithinOptions::default()).into_iter().flatten().flatten().filter_map(|found| {
        let network = found.network().ok()?;
        let network = IpNet::new(network.ip(), network.prefix()).ok().filter(|network| matches!(network, IpNet::V4(_)))?;
        let row: Row = found.decode().ok()??;
        let code = row.country_code.or_else(|| row.country?.iso_code)?;
        Some((network, code.to_ascii_uppercase()))
    })
}

fn host(network: &IpNet, rng: &Rng) -> IpAddr {
    match network {
        IpNet::V4(network) => {
            let size = 1_u64 << (32 - network.prefix_len());
            let offset = rng.below(size.saturating_sub(2).max(1)) as u32 + u32::from(size > 2);
            IpAddr::V4((u32::from(network.network()).saturating_add(offset)).into())
        }
        IpNet::V6(network) => IpAddr::V6(network.network()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_database_addresses_are_examples() {
        let rng = Rng::seeded(3);
        let places = Places::sample(&[], &rng);
        for _ in 0..100 {
            assert!(places.pick(&rng, |_| 1.0).ip.to_string().starts_with("203.0.113."));
        }
    }

    #[test]
    fn those_asleep_do_not_come() {
        let rng = Rng::seeded(4);
        let places = Places::sample(&[], &rng);
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let place = places.pick(&rng, |zone| if *zone == tokyo { 1.0 } else { 0.0 });
        assert_eq!(place.languages, "ja,en;q=0.8");
    }
}
