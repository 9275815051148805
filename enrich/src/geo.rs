//! Where an address is, by databases in MaxMind's format (<https://maxmind.github.io/MaxMind-DB/>).
//!
//! Two layouts are read: the nested one of MaxMind and DB-IP, and the flat one of the
//! ip-location-db packages. Of several files the first that knows the address answers.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use domain::{GeoPlace, ReducedAddress, network_of};
use maxminddb::Reader;
use serde::Deserialize;

/// A sentence for the operator.
#[derive(Debug, thiserror::Error)]
#[error("LINKLOGGER_GEOIP_DB names {}, which cannot be used ({reason}). Give .mmdb files, or leave it out to go without places.", file.display())]
pub struct GeoError {
    file: PathBuf,
    reason: String,
}

/// The open files; none of them knows nothing.
#[derive(Debug, Default)]
pub struct GeoDatabases(Vec<Reader<Vec<u8>>>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    country: Option<TextOr<Country>>,
    country_code: Option<String>,
    city: Option<TextOr<City>>,
    subdivisions: Vec<Subdivision>,
    state1: Option<String>,
    region: Option<String>,
    location: Option<Location>,
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

/// A text in the flat layout, a map in the nested one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TextOr<T> {
    Map(T),
    Text(String),
}

/// A float or a double: the reader takes neither for the other.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Degrees {
    Any(f64),
}

#[derive(Debug, Deserialize)]
struct Country {
    iso_code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct City {
    names: Option<Names>,
}

#[derive(Debug, Deserialize)]
struct Names {
    en: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Subdivision {
    iso_code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Location {
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

impl GeoDatabases {
    /// Reads the files into memory.
    ///
    /// # Errors
    /// [`GeoError`] naming the first that cannot be read.
    pub fn open(files: &[PathBuf]) -> Result<Self, GeoError> {
        let open = |file: &PathBuf| read(file).map_err(|reason| GeoError { file: file.clone(), reason });
        files.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// What the first file that knows `ip` says.
    pub fn place(&self, ip: IpAddr) -> GeoPlace {
        let ip = ip.to_canonical();
        self.0.iter().find_map(|reader| look_up(reader, ip)).unwrap_or_default()
    }

    /// All that may be kept of `ip`, whoever asks: the worker, or with strict capture the redirector.
    pub fn reduce(&self, ip: IpAddr) -> ReducedAddress {
        ReducedAddress { place: self.place(ip), network: network_of(ip), ..ReducedAddress::default() }
    }

    /// Whether no file was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn read(file: &Path) -> Result<Reader<Vec<u8>>, String> {
    Reader::open_readfile(file).map_err(|error| error.to_string())
}

fn look_up(reader: &Reader<Vec<u8>>, ip: IpAddr) -> Option<GeoPlace> {
    // A file of IPv4 answers a question for IPv6 with an error: it knows nothing of it.
    let row: Row = reader.lookup(ip).ok()?.decode().ok()??;
    let place = place(row);
    (place.country.is_some() || place.city.is_some()).then_some(place)
}

fn place(row: Row) -> GeoPlace {
    let country = match row.country {
        Some(TextOr::Map(country)) => country.iso_code,
        Some(TextOr::Text(_)) | None => None,
    };
    let country = country.or(row.country_code).filter(|code| code.len() == 2).map(|code| code.to_ascii_uppercase());
    let city = match row.city {
        Some(TextOr::Map(city)) => city.names.and_then(|names| names.en),
        Some(TextOr::Text(name)) => Some(name),
        None => None,
    };
    let subdivision = row.subdivisions.into_iter().next().and_then(|subdivision| subdivision.iso_code);
    let region = match (&country, subdivision) {
        (Some(country), Some(code)) => Some(format!("{country}-{code}")),
        _ => row.state1.or(row.region),
    };
    let (latitude, longitude) = match row.location {
        Some(location) => (location.latitude, location.longitude),
        None => (row.latitude, row.longitude),
    };
    let degrees = |Degrees::Any(degrees)| degrees;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    GeoPlace { country, region: text(region), city: text(city), latitude: latitude.map(degrees), longitude: longitude.map(degrees) }
}

#[cfg(test)]
mod tests {
    use testkit::mmdb::{Value, build};

    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    fn databases(files: Vec<Vec<u8>>) -> GeoDatabases {
        GeoDatabases(files.into_iter().map(|bytes| Reader::from_source(bytes).unwrap()).collect())
    }

    fn nested() -> Vec<u8> {
        let row = map(&[
            ("country", map(&[("iso_code", text("US"))])),
            ("city", map(&[("names", map(&[("en", text("San Francisco"))]))])),
            ("subdivisions", Value::List(vec![map(&[("iso_code", text("CA"))])])),
            ("location", map(&[("latitude", Value::Double(37.5)), ("longitude", Value::Double(-122.5))])),
        ]);
        build(6, &[("2001:db8::/32", row.clone()), ("::c6:3364:0/112", row)])
    }

    fn flat() -> Vec<u8> {
        let row = map(&[
            ("country_code", text("de")),
            ("city", text("Berlin")),
            ("state1", text("Land Berlin")),
            ("latitude", Value::Float(52.5)),
            ("longitude", Value::Float(13.5)),
        ]);
        build(4, &[("203.0.113.0/24", row)])
    }

    #[test]
    fn both_layouts_and_the_first_that_answers() {
        let geo = databases(vec![flat(), nested()]);
        let berlin = geo.place("203.0.113.9".parse().unwrap());
        assert_eq!((berlin.country.as_deref(), berlin.city.as_deref()), (Some("DE"), Some("Berlin")));
        assert_eq!((berlin.latitude, berlin.longitude), (Some(52.5), Some(13.5)));
        assert_eq!(berlin.region.as_deref(), Some("Land Berlin"));
        assert_eq!(geo.place("::ffff:203.0.113.9".parse().unwrap()), berlin);
        let francisco = geo.place("2001:db8::1".parse().unwrap());
        assert_eq!((francisco.region.as_deref(), francisco.city.as_deref()), (Some("US-CA"), Some("San Francisco")));
        assert_eq!(francisco.latitude, Some(37.5));
        assert_eq!(geo.place("10.0.0.1".parse().unwrap()), GeoPlace::default());
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let file = std::env::temp_dir().join("linklogger-no-such.mmdb");
        let message = GeoDatabases::open(&[file]).unwrap_err().to_string();
        assert!(message.contains("linklogger-no-such.mmdb") && message.contains("LINKLOGGER_GEOIP_DB"), "{message}");
        assert!(Reader::from_source(b"not a database".to_vec()).is_err());
    }
}
