//! TLS of the redirector itself, with a real client.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::DomainSettings;
use redirector::TlsOptions;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use testkit::{free_port, wait_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use crate::domains::{know_on, serve};
use crate::fixture::{Running, Setup, link, try_start};

const HOST: &str = "go.acme.example";
const PATIENCE: Duration = Duration::from_secs(15);

/// A certificate of its own for these names; its DER form.
fn certify(chain: &Path, key: &Path, names: &[&str]) -> CertificateDer<'static> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::create_dir_all(chain.parent().unwrap()).unwrap();
    std::fs::write(chain, made.cert.pem()).unwrap();
    std::fs::write(key, made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn start(folder: &Path) -> (Running, SocketAddr) {
    let listen = ([127, 0, 0, 1], free_port()).into();
    let tls = TlsOptions { listen, certificates: folder.to_owned() };
    let running = try_start(Setup { tls: Some(tls), ..Setup::default() }).unwrap();
    serve(&running, HOST, 7, DomainSettings { hsts: true, ..DomainSettings::default() });
    know_on(&running, 7, "a", link("https://example.com/"));
    (running, listen)
}

/// What is answered to a visitor who trusts only this certificate.
async fn visit(address: SocketAddr, trusted: &CertificateDer<'static>, host: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let socket = tokio::net::TcpStream::connect(address).await?;
    let mut socket = connector.connect(ServerName::try_from(host.to_owned()).unwrap(), socket).await?;
    socket.write_all(format!("GET /a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer).await;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_host_has_its_certificate_and_hsts_where_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let acme = certify(&file("go.acme.example.crt"), &file("go.acme.example.key"), &[HOST]);
    let other = certify(&file("other.example/fullchain.pem"), &file("other.example/privkey.pem"), &["other.example"]);
    let wild = certify(&file("*.wild.example.crt"), &file("*.wild.example.key"), &["*.wild.example"]);
    std::fs::write(file("notes.txt"), "nothing").unwrap();
    let (running, address) = start(folder.path());
    let answer = visit(address, &acme, HOST).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 302") && answer.contains("location: https://example.com/\r\n"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    // Served, and told that it is nobody's.
    for (certificate, host) in [(&other, "other.example"), (&wild, "a.wild.example")] {
        let answer = visit(address, certificate, host).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("strict-transport-security"), "{answer}");
    }
    // Without a default, whoever names another host is refused.
    assert!(visit(address, &acme, "unknown.example").await.is_err());
    // Plain HTTP goes on, without HSTS.
    let plain = running.http.get(running.url("/a")).header("host", HOST).send().await.unwrap();
    assert!(plain.status() == 302 && !plain.headers().contains_key("strict-transport-security"));
    assert_eq!(running.captured().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_certificates_are_taken_up_and_bad_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("go.acme.example.crt"), folder.path().join("go.acme.example.key"));
    let first = certify(&chain, &key, &[HOST]);
    let (running, address) = start(folder.path());
    assert!(visit(address, &first, HOST).await.is_ok());
    let second = certify(&chain, &key, &[HOST]);
    let default = certify(&folder.path().join("default.crt"), &folder.path().join("default.key"), &["any.example"]);
    wait_until(PATIENCE, "the new certificate", async || visit(address, &second, HOST).await.ok()).await;
    assert!(visit(address, &first, HOST).await.is_err());
    wait_until(PATIENCE, "the default", async || visit(address, &default, "any.example").await.ok()).await;

    std::fs::write(&key, "broken").unwrap();
    let complaint = wait_until(PATIENCE, "a complaint", async || {
        let report = serde_json::to_value(running.health.snapshot()).unwrap().to_string();
        report.contains("go.acme.example.key").then_some(report)
    });
    let complaint = complaint.await;
    assert!(complaint.contains("\"The certificates before stay in use.") && complaint.contains("or remove it.\""), "{complaint}");
    assert!(visit(address, &second, HOST).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let refused = |what: &str| {
        let tls = TlsOptions { listen: ([127, 0, 0, 1], free_port()).into(), certificates: folder.path().to_owned() };
        let error = try_start(Setup { tls: Some(tls), ..Setup::default() }).err().unwrap().to_string();
        assert!(error.starts_with("LINKLOGGER_TLS_CERTS: ") && error.contains(what), "{error}");
    };
    refused("has no certificates");
    certify(&file("a.example.crt"), &file("a.example.key"), &["a.example"]);
    std::fs::remove_file(file("a.example.key")).unwrap();
    refused("a.example.key is no PEM private key");
    certify(&file("a.example.crt"), &file("unused"), &["a.example"]);
    certify(&file("unused"), &file("a.example.key"), &["a.example"]);
    refused("do not belong together");
    certify(&file("a.example.crt"), &file("a.example.key"), &["b.example"]);
    refused("is for other hosts");
    std::fs::write(file("a.example.crt"), "").unwrap();
    refused("a.example.crt holds no certificate");
    std::fs::remove_dir_all(folder.path()).unwrap();
    refused("cannot be read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_finish_the_handshake_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let acme = certify(&folder.path().join("go.acme.example.crt"), &folder.path().join("go.acme.example.key"), &[HOST]);
    let (_running, address) = start(folder.path());
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    silent.write_all(&[22, 3, 1]).await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "still open");
    assert!(visit(address, &acme, HOST).await.is_ok());
}
