//! Layouts, the order of files, and files that are replaced.

use std::time::{Duration, SystemTime};

use testkit::mmdb::{Value, build, build_at};

use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn city(name: &str) -> Value {
    map(&[("country_code", text("de")), ("city", text(name)), ("latitude", Value::Float(52.5)), ("longitude", Value::Float(13.5))])
}

fn system(number: u32, name: &str) -> Value {
    map(&[("autonomous_system_number", Value::Number(number.into(), 32)), ("autonomous_system_organization", text(name))])
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// By a new name first, as a file should be replaced.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let (fresh, path) = (self.path(".fresh"), self.path(name));
        std::fs::write(&fresh, bytes).unwrap();
        std::fs::rename(fresh, &path).unwrap();
        path
    }

    fn open(&self, names: &[&str]) -> GeoDatabases {
        GeoDatabases::open(GeoSource::Files(names.iter().map(|name| self.path(name)).collect())).unwrap()
    }

    fn open_all(&self) -> GeoDatabases {
        GeoDatabases::open(GeoSource::Folder(self.0.path().to_owned())).unwrap()
    }
}

fn city_of(geo: &GeoDatabases, ip: &str) -> Option<String> {
    geo.place(ip.parse().unwrap()).city
}

const HERE: &str = "203.0.113.9";

#[test]
fn both_layouts_and_the_first_that_answers() {
    let folder = Folder::new();
    let row = map(&[
        ("country", map(&[("iso_code", text("US"))])),
        ("city", map(&[("names", map(&[("en", text("San Francisco"))]))])),
        ("subdivisions", Value::List(vec![map(&[("iso_code", text("CA"))])])),
        ("location", map(&[("latitude", Value::Double(37.5)), ("longitude", Value::Double(-122.5))])),
    ]);
    folder.put("nested.mmdb", build(6, &[("2001:db8::/32", row.clone()), ("::cb00:7100/120", row)]));
    let Value::Map(mut berlin) = city("Berlin") else { panic!("a map") };
    berlin.push(("state1".into(), text("Land Berlin")));
    folder.put("flat.mmdb", build(4, &[("203.0.113.0/24", Value::Map(berlin))]));
    let geo = folder.open(&["flat.mmdb", "nested.mmdb"]);
    let berlin = geo.place(HERE.parse().unwrap());
    assert_eq!((berlin.country.as_deref(), berlin.city.as_deref()), (Some("DE"), Some("Berlin")));
    assert_eq!((berlin.latitude, berlin.longitude), (Some(52.5), Some(13.5)));
    assert_eq!(berlin.region.as_deref(), Some("Land Berlin"));
    assert_eq!(geo.place("::ffff:203.0.113.9".parse().unwrap()), berlin);
    let francisco = geo.place("2001:db8::1".parse().unwrap());
    assert_eq!((francisco.region.as_deref(), francisco.city.as_deref()), (Some("US-CA"), Some("San Francisco")));
    assert_eq!(francisco.latitude, Some(37.5));
    assert_eq!(geo.place("10.0.0.1".parse().unwrap()), GeoPlace::default());
    assert_eq!(city_of(&folder.open(&["nested.mmdb", "flat.mmdb"]), HERE).as_deref(), Some("San Francisco"));
}

#[test]
fn places_and_systems_come_from_whichever_files_have_them() {
    let folder = Folder::new();
    folder.put("a.mmdb", build_at(1_700_000_000, 4, &[("203.0.113.0/24", system(64_496, "One"))]));
    folder.put("b.mmdb", build_at(1_800_000_000, 4, &[("203.0.113.0/24", city("Berlin")), ("198.51.100.0/24", city("Bonn"))]));
    folder.put("c.mmdb", build(6, &[("2001:db8::/32", system(64_497, "")), ("2001:db9::/32", system(0, "None"))]));
    folder.put("d.csv", "198.51.100.0,198.51.100.127,64498,Three\n203.0.113.0,203.0.113.255,64499,Never\n");
    let geo = folder.open_all();
    let reduced = |ip: &str| {
        let reduced = geo.reduce(ip.parse().unwrap());
        (reduced.place.city, reduced.geo_version, reduced.system.map(|system| (system.number, system.name)))
    };
    let version = |ip: &str| geo.reduce(ip.parse().unwrap()).system_version;
    let built = Some(1_800_000_000);
    assert_eq!(reduced(HERE), (Some("Berlin".into()), built, Some((64_496, Some("One".into())))));
    assert_eq!(reduced("::ffff:203.0.113.9"), reduced(HERE));
    assert_eq!(reduced("198.51.100.1"), (Some("Bonn".into()), built, Some((64_498, Some("Three".into())))));
    assert_eq!(reduced("198.51.100.200"), (Some("Bonn".into()), built, None));
    assert_eq!(reduced("2001:db8::1"), (None, None, Some((64_497, None))));
    assert_eq!((reduced("2001:db9::1"), reduced("10.0.0.1")), ((None, None, None), (None, None, None)));
    assert_eq!(geo.reduce(HERE.parse().unwrap()).network, "203.0.113.0/24");
    let network = |network: &str| geo.reduce_network(network.parse().unwrap());
    assert_eq!(network("203.0.113.0/24"), geo.reduce(HERE.parse().unwrap()));
    assert_eq!(network("2001:db8:7::/48").system.map(|system| system.number), Some(64_497));
    // Half of it is nobody's, and all of it in one place.
    let half = network("198.51.100.0/24");
    assert_eq!((half.place.city.as_deref(), half.system), (Some("Bonn"), None));
    assert_eq!((network("10.0.0.0/24").place, network("10.0.0.0/24").system), (GeoPlace::default(), None));
    // Of the file that knew the system, whichever knew the place. A list has its file's time.
    std::fs::File::options()
        .write(true)
        .open(folder.path("d.csv"))
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000))
        .unwrap();
    geo.refresh();
    let versions = [HERE, "198.51.100.1", "198.51.100.200", "2001:db8::1", "2001:db9::1"].map(version);
    assert_eq!(versions, [Some(1_700_000_000), Some(1_790_000_000), None, None, None]);
}

#[test]
fn a_file_that_is_none_is_named() {
    let folder = Folder::new();
    let (missing, broken) = (folder.path("no-such.mmdb"), folder.put("broken.mmdb", "not a database"));
    for file in [missing, broken] {
        let message = GeoDatabases::open(GeoSource::Files(vec![file.clone()])).unwrap_err().to_string();
        assert!(message.contains(file.to_str().unwrap()) && message.contains("LINKLOGGER_GEOIP_DB"), "{message}");
    }
    let message = GeoDatabases::open(GeoSource::Folder(folder.path(""))).unwrap_err().to_string();
    assert!(message.contains("broken.mmdb") && message.contains("linklogger geoip fetch"), "{message}");
}

#[test]
fn a_replacement_is_read_once_and_a_broken_one_not_used() {
    let folder = Folder::new();
    let file = |name: &str| build(4, &[("203.0.113.0/24", city(name))]);
    let path = folder.put("a.mmdb", file("Berlin"));
    let geo = folder.open(&["a.mmdb"]);
    assert_eq!(geo.refresh(), Refreshed::default());
    folder.put("a.mmdb", file("Bonn"));
    assert_eq!(geo.refresh(), Refreshed { loaded: vec![path.clone()], refused: vec![] });
    assert_eq!((city_of(&geo, HERE).as_deref(), geo.refresh()), (Some("Bonn"), Refreshed::default()));

    folder.put("a.mmdb", "no database");
    assert_eq!(geo.refresh(), Refreshed { loaded: vec![], refused: vec![path.clone()] });
    assert_eq!(geo.refresh(), Refreshed::default(), "it is told once");
    assert!(matches!(geo.state()[0].trouble, Some(GeoTrouble::Refused(_))));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(geo.refresh().refused, std::slice::from_ref(&path));
    assert_eq!(geo.state()[0].trouble, Some(GeoTrouble::Gone));
    assert_eq!(city_of(&geo, HERE).as_deref(), Some("Bonn"));

    folder.put("a.mmdb", file("Berlin"));
    assert_eq!(geo.refresh().loaded, [path]);
    assert_eq!((city_of(&geo, HERE).as_deref(), geo.state()[0].trouble.clone()), (Some("Berlin"), None));
}

#[test]
fn what_is_again_the_file_that_was_read_is_no_trouble() {
    let folder = Folder::new();
    let path = folder.put("a.mmdb", build(4, &[("203.0.113.0/24", city("Berlin"))]));
    let geo = folder.open_all();
    std::fs::rename(&path, folder.path("aside")).unwrap();
    assert_eq!(geo.refresh().refused, std::slice::from_ref(&path));
    std::fs::rename(folder.path("aside"), &path).unwrap();
    assert_eq!((geo.refresh(), geo.state()[0].trouble.clone()), (Refreshed::default(), None));
    // Touched, it is read again.
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    assert_eq!(geo.refresh().loaded, [path]);
}

#[test]
fn files_that_come_into_the_folder_take_their_places() {
    let folder = Folder::new();
    let geo = GeoDatabases::open(GeoSource::Folder(folder.path("later"))).unwrap();
    assert!(geo.is_empty() && geo.refresh() == Refreshed::default());
    std::fs::create_dir(folder.path("later")).unwrap();
    let whole = build(4, &[("203.0.113.0/24", city("Bonn"))]);
    folder.put("later/b.mmdb", &whole);
    folder.put("later/.c.mmdb", "not finished");
    folder.put("later/licence.txt", "no database");
    assert_eq!((geo.refresh().loaded.len(), city_of(&geo, HERE).as_deref()), (1, Some("Bonn")));
    folder.put("later/a.mmdb", build(4, &[("203.0.113.0/24", city("Berlin"))]));
    let broken = folder.put("later/0.mmdb", "no database");
    assert_eq!(geo.refresh().refused, std::slice::from_ref(&broken));
    assert_eq!((city_of(&geo, HERE).as_deref(), geo.state().len()), (Some("Berlin"), 3));
    // What could never be read and is gone is no loss.
    std::fs::remove_file(broken).unwrap();
    geo.refresh();
    assert_eq!(geo.state().len(), 2);
}
