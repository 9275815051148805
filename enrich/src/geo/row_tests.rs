//! Rows of any fields and any types, and files that were damaged on their way.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use testkit::mmdb::{Value, build_at};

use domain::AutonomousSystem;

use super::file::Found;
use super::row::Row;
use super::*;

const HERE: [u8; 4] = [203, 0, 113, 9];

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(key, value)| (key.to_owned(), value)).to_vec())
}

fn some(entries: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Vec<(String, Value)> {
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// What a database with that one row says; `None` where the row cannot be read.
fn found(row: &Value) -> Option<Found> {
    let reader = maxminddb::Reader::from_source(build_at(0, 4, &[("203.0.113.0/24", row.clone())])).unwrap();
    let row: Option<Row> = reader.lookup(HERE.into()).unwrap().decode().ok()?;
    row.map(Row::found)
}

/// Whether that may be stored of an address, whatever file said it.
fn is_sound(found: &Found) -> bool {
    let is_text = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.is_empty() && !text.contains('\0'));
    let is_place = |place: &GeoPlace| {
        let is_country = |code: &String| matches!(code.as_bytes(), [b'A'..=b'Z', b'A'..=b'Z']);
        let is_within = |degrees: Option<f64>, most: f64| degrees.is_none_or(|degrees| (-most..=most).contains(&degrees));
        place.country.as_ref().is_none_or(is_country)
            && is_within(place.latitude, 90.0)
            && is_within(place.longitude, 180.0)
            && is_text(&place.region)
            && is_text(&place.city)
            && (place.country.is_some() || place.city.is_some())
    };
    found.place.as_ref().is_none_or(is_place) && found.system.as_ref().is_none_or(|system| system.number != 0 && is_text(&system.name))
}

/// Numbers that are read as degrees, whether there are so many or not.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f32>().prop_map(Value::Float),
        (-200.0..200.0_f64).prop_map(Value::Double),
        select(vec![f64::NAN, f64::INFINITY, -90.001, 180.5]).prop_map(Value::Double),
        (any::<u64>(), select(vec![16, 32, 64])).prop_map(|(number, bits)| Value::Number(number, bits)),
        any::<i32>().prop_map(Value::Signed),
    ]
}

fn word() -> impl Strategy<Value = Value> {
    "([a-zA-Z]{2}|ä|[A-Z][0-9]|.{0,4}|\0)".prop_map(Value::Text)
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(vec![
            "country", "country_code", "city", "subdivisions", "state1", "region", "location", "latitude", "longitude", "iso_code",
            "names", "en", "autonomous_system_number", "autonomous_system_organization",
        ])
        .prop_map(str::to_owned),
        1 => ".{0,3}",
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    let bytes = vec(any::<u8>(), 0..4).prop_map(Value::Bytes);
    let simple = prop_oneof![number(), word(), bytes, any::<u128>().prop_map(Value::Huge), any::<bool>().prop_map(Value::Bool)];
    simple.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![vec(inner.clone(), 0..3).prop_map(Value::List), vec((key(), inner), 0..3).prop_map(Value::Map)]
    })
}

/// A row in one of the layouts, with values that may be none of a place.
fn row() -> impl Strategy<Value = Value> {
    let nested = (of(word()), of(word()), of(word()), of((number(), number()))).prop_map(|(country, city, subdivision, at)| {
        let code = |code: Value| map([("iso_code", code)]);
        some([
            ("country", country.map(code)),
            ("city", city.map(|name| map([("names", map([("en", name)]))]))),
            ("subdivisions", subdivision.map(|part| Value::List(vec![code(part)]))),
            ("location", at.map(|(latitude, longitude)| map([("latitude", latitude), ("longitude", longitude)]))),
        ])
    });
    let flat = (of(word()), of(word()), of(word()), of(number()), of(number())).prop_map(|(country, city, state, latitude, longitude)| {
        some([("country_code", country), ("city", city), ("state1", state), ("latitude", latitude), ("longitude", longitude)])
    });
    let system = (of((0..3_u64).prop_map(|number| Value::Number(number, 32))), of(word()))
        .prop_map(|(number, name)| some([("autonomous_system_number", number), ("autonomous_system_organization", name)]));
    (prop_oneof![nested, flat], system).prop_map(|(place, system)| Value::Map([place, system].concat()))
}

/// Both layouts and systems, with values of their own so that the file has some of everything.
fn whole() -> Vec<u8> {
    let nested = map([
        ("country", map([("iso_code", text("US"))])),
        ("city", map([("names", map([("de", text("San Franzisko")), ("en", text("San Francisco"))]))])),
        ("subdivisions", Value::List(vec![map([("iso_code", text("CA"))])])),
        ("location", map([("latitude", Value::Double(37.5)), ("longitude", Value::Double(-122.5))])),
    ]);
    let flat = map([
        ("country_code", text("DE")),
        ("city", text("Berlin")),
        ("latitude", Value::Float(52.5)),
        ("longitude", Value::Float(13.5)),
        ("autonomous_system_number", Value::Number(64_496, 32)),
        ("autonomous_system_organization", text("One")),
    ]);
    build_at(1_700_000_000, 6, &[("::cb00:7100/120", flat), ("2001:db8::/32", nested)])
}

/// What is so of all of a network.
fn one(Seen { place, system }: Seen) -> Option<Found> {
    fn told<T>(said: Said<T>) -> Option<Option<T>> {
        match said {
            Said::Nothing => Some(None),
            Said::This(known) => Some(Some(known)),
            Said::Differs => None,
        }
    }
    Some(Found { place: told(place)?, system: told(system)? })
}

fn look_up(file: &GeoFile) -> Vec<Found> {
    let addresses = ["203.0.113.9", "10.0.0.1", "2001:db8::1", "ffff::"].map(|ip| ip.parse::<IpAddr>().unwrap());
    let networks = ["203.0.113.0/24", "203.0.0.0/16", "2001:db8::/32", "::/0"].map(|network| network.parse::<IpNet>().unwrap());
    let of_networks = networks.into_iter().filter_map(|network| one(file.look_up_network(network)));
    addresses.into_iter().map(|ip| file.look_up(ip)).chain(of_networks).collect()
}

#[test]
fn a_whole_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mmdb");
    std::fs::write(&path, whole()).unwrap();
    let found = look_up(&GeoFile::open(&path).unwrap());
    let cities: Vec<_> = found.iter().map(|found| found.place.as_ref().and_then(|place| place.city.as_deref())).collect();
    let (berlin, francisco) = (Some("Berlin"), Some("San Francisco"));
    // Of 203.0.0.0/16 and ::/0 not all is one.
    assert_eq!(cities, [berlin, None, francisco, None, berlin, francisco]);
}

proptest! {
    #[test]
    fn any_fields_of_any_types_are_read_or_give_nothing(fields in vec((key(), anything()), 0..6), more in row()) {
        let Value::Map(row) = more else { panic!("a map") };
        for row in [fields.clone(), [row, fields].concat()] {
            if let Some(found) = found(&Value::Map(row)) {
                prop_assert!(is_sound(&found), "{:?}", found);
            }
        }
    }

    #[test]
    fn rows_in_a_known_layout_are_read_and_keep_what_can_be_so(row in row()) {
        let found = found(&row);
        prop_assert!(found.as_ref().is_some_and(is_sound), "{:?}", found);
    }

    #[test]
    fn what_can_be_so_is_kept(
        code in "[a-zA-Z]{2}", city in "[^\0]{1,9}", part in "[0-9A-Z]{1,3}",
        latitude in -90.0..=90.0_f64, longitude in -180.0..=180.0_f64, number in 1..u32::MAX, name in "[^\0]{0,9}",
    ) {
        let system = [("autonomous_system_number", Value::Number(number.into(), 32)), ("autonomous_system_organization", text(&name))];
        let at = [("latitude", Value::Double(latitude)), ("longitude", Value::Double(longitude))];
        let nested = [
            ("country", map([("iso_code", text(&code))])),
            ("city", map([("names", map([("en", text(&city))]))])),
            ("subdivisions", Value::List(vec![map([("iso_code", text(&part))])])),
            ("location", map(at.clone())),
        ];
        let country = code.to_ascii_uppercase();
        let region = format!("{country}-{part}");
        let flat = [("country_code", text(&code)), ("city", text(&city)), ("state1", text(&region))];
        let wanted = Found {
            place: Some(GeoPlace {
                country: Some(country), region: Some(region), city: Some(city),
                latitude: Some(latitude), longitude: Some(longitude),
            }),
            system: Some(AutonomousSystem { number, name: Some(name).filter(|name| !name.is_empty()) }),
        };
        for place in [nested.to_vec(), [flat.to_vec(), at.to_vec()].concat()] {
            let row = [place, system.to_vec()].concat().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            let read = found(&Value::Map(row));
            prop_assert_eq!(read.as_ref(), Some(&wanted));
        }
    }
}

proptest! {
    // Each is a file.
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn a_damaged_file_is_refused_or_says_what_can_be_so(
        changes in vec((any::<Index>(), any::<u8>()), 0..4), end in of(any::<Index>()), gap in of((any::<Index>(), 1..40_usize)),
    ) {
        let mut bytes = whole();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some((at, length)) = gap {
            let at = at.index(bytes.len());
            bytes.drain(at..bytes.len().min(at + length));
        }
        bytes.truncate(end.map_or(bytes.len(), |end| end.index(bytes.len())));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mmdb");
        std::fs::write(&path, bytes).unwrap();
        if let Ok(file) = GeoFile::open(&path) {
            let (_, _) = (file.built(), file.kind());
            for found in look_up(&file) {
                prop_assert!(is_sound(&found), "{:?}", found);
            }
        }
    }
}
