//! What databases in MaxMind's format (<https://maxmind.github.io/MaxMind-DB/>) say of a network.
//!
//! Two layouts of places are read: the nested one of MaxMind and DB-IP, and the flat one of the
//! ip-location-db packages. Autonomous systems have the same two fields everywhere. What a file says that
//! cannot be so (a country of three letters, a latitude of 91 degrees or of NaN) is left out.

use domain::{AutonomousSystem, GeoPlace};
use serde::Deserialize;

use super::file::Found;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    country: Option<TextOr<Country>>,
    country_code: Option<String>,
    city: Option<TextOr<City>>,
    subdivisions: Vec<Subdivision>,
    state1: Option<String>,
    region: Option<String>,
    location: Option<Location>,
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<String>,
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

impl Row {
    pub fn found(mut self) -> Found {
        let name = text(self.autonomous_system_organization.take());
        // 0 stands for no system (RFC 7607).
        let number = self.autonomous_system_number.filter(|number| *number != 0);
        let place = place(self);
        let is_known = place.country.is_some() || place.city.is_some();
        Found { place: is_known.then_some(place), system: number.map(|number| AutonomousSystem { number, name }) }
    }
}

fn place(row: Row) -> GeoPlace {
    let country = match row.country {
        Some(TextOr::Map(country)) => country.iso_code,
        Some(TextOr::Text(_)) | None => None,
    };
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    let country = country.or(row.country_code).filter(is_code).map(|code| code.to_ascii_uppercase());
    let city = match row.city {
        Some(TextOr::Map(city)) => city.names.and_then(|names| names.en),
        Some(TextOr::Text(name)) => Some(name),
        None => None,
    };
    let subdivision = text(row.subdivisions.into_iter().next().and_then(|subdivision| subdivision.iso_code));
    let region = match (&country, subdivision) {
        (Some(country), Some(code)) => Some(format!("{country}-{code}")),
        _ => row.state1.or(row.region),
    };
    let (latitude, longitude) = match row.location {
        Some(location) => (location.latitude, location.longitude),
        None => (row.latitude, row.longitude),
    };
    // NaN is in no range.
    let within = |degrees: Option<Degrees>, most: f64| degrees.map(|Degrees::Any(degrees)| degrees).filter(|degrees| degrees.abs() <= most);
    let (latitude, longitude) = (within(latitude, 90.0), within(longitude, 180.0));
    GeoPlace { country, region: text(region), city: text(city), latitude, longitude }
}

/// U+0000, which PostgreSQL cannot store, becomes U+FFFD, as in queries.
fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text })
}
