//! The order of sources, and what a mistake is told.

use std::collections::BTreeMap;

use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env: BTreeMap<_, _> = pairs.iter().map(|(name, value)| (format!("LINKLOGGER_{name}"), (*value).to_owned())).collect();
    let values = Values::merge(&Flags::default(), |name| env.get(name).cloned(), "linklogger.toml", &BTreeMap::new());
    Config::from_values(&values)
}

#[test]
fn defaults_are_embedded_on_loopback() {
    let config = load(&[]).unwrap();
    assert!(config.roles.is_all() && config.nats_url.is_none());
    assert_eq!(config.short_domain.short_url("abc"), "http://127.0.0.1:8081/abc");
    assert_eq!(config.spool_quota, 4 << 30);
    assert_eq!(config.database, Database::Sqlite("./data/linklogger.db".into()));
    assert!(config.allowed_origins.allow("http://localhost:5173") && !config.allowed_origins.allow("https://evil.example"));
}

#[test]
fn a_public_url_allows_only_itself() {
    let config = load(&[("PUBLIC_URL", "https://links.example.com/")]).unwrap();
    assert!(config.allowed_origins.allow("https://links.example.com") && !config.allowed_origins.allow("http://localhost:5173"));
}

#[test]
fn a_registry_has_a_path_to_join_to() {
    let registry = |text| load(&[("GEOIP_REGISTRY", text)]).map(|config| config.geoip_registry.to_string());
    assert_eq!(load(&[]).unwrap().geoip_registry.as_str(), "https://registry.npmjs.org/");
    assert_eq!(registry("https://mirror.example/npm").unwrap(), "https://mirror.example/npm/");
    let message = registry("https://ada:word@mirror.example").unwrap_err().to_string();
    assert!(message.contains("without user and password"), "{message}");
}

#[test]
fn reports_go_to_an_api_that_visitors_can_reach() {
    let report_url = |pairs: &[(&str, &str)]| load(pairs).unwrap().report_url();
    assert_eq!(report_url(&[]).as_deref(), Some("http://127.0.0.1:8080/report"));
    assert_eq!(report_url(&[("SHORT_DOMAIN", "go.example.com")]), None);
    let public = [("SHORT_DOMAIN", "go.example.com"), ("PUBLIC_URL", "https://links.example.com/base")];
    assert_eq!(report_url(&public).as_deref(), Some("https://links.example.com/report"));
}

#[test]
fn a_redirector_alone_uses_a_database_only_if_one_is_named() {
    let nats = ("NATS_URL", "nats://127.0.0.1:4222");
    let links_from = |pairs: &[(&str, &str)]| load(pairs).unwrap().links_from;
    assert_eq!(links_from(&[("ROLES", "redirector"), nats]), LinksFrom::Nats);
    assert_eq!(links_from(&[("ROLES", "redirector"), nats, ("DATABASE_URL", "postgres://db/links")]), LinksFrom::Database);
    assert_eq!(links_from(&[("ROLES", "redirector,worker"), nats]), LinksFrom::Database);
    assert_eq!(links_from(&[nats]), LinksFrom::Database);
    assert_eq!(links_from(&[]), LinksFrom::Database);
}

#[test]
fn flags_beat_environment_beats_file_beats_defaults() {
    let flags = Flags(BTreeMap::from([("log", "debug".to_owned())]));
    let file = BTreeMap::from([
        ("log".to_owned(), "warn".to_owned()),
        ("sign_up".to_owned(), "closed".to_owned()),
        ("durability".to_owned(), "fsync".to_owned()),
    ]);
    let env = |name: &str| (name == "LINKLOGGER_SIGN_UP").then(|| "invite".to_owned());
    let config = Config::from_values(&Values::merge(&flags, env, "linklogger.toml", &file)).unwrap();
    assert_eq!((config.log.as_str(), config.sign_up, config.durability), ("debug", SignUp::Invite, Durability::Fsync));
}

#[test]
fn every_mistake_names_its_variable_and_its_mend() {
    let wrong = [
        ("API_LISTEN", "8080"),
        ("ROLES", "api,chef"),
        ("ROLES", ""),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "postgres://secret-user:secret-word@host"),
        ("NATS_URL", "http://x"),
        ("CLICK_RATE", "-1"),
        ("LINK_RATE", "1000001"),
        ("MISS_RATE", "ten"),
        ("SHORT_DOMAIN", "https://x/y"),
        ("PUBLIC_URL", "links"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("DURABILITY", "maybe"),
        ("SPOOL_QUOTA", "4 parsecs"),
        ("SPOOL_QUOTA", "99999999TiB"),
        ("SPOOL_QUOTA", "1KiB"),
        ("STREAM_QUOTA", "lots"),
        ("ALLOWED_ORIGINS", "https://x/path"),
        ("SIGN_UP", "yes"),
        ("DNS_SERVER", "dns.example"),
        ("SEAL_KEY", "secret-word"),
        ("GEOIP_REGISTRY", "registry.npmjs.org"),
    ];
    for (name, value) in wrong {
        let message = load(&[(name, value)]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("LINKLOGGER_{name} (from: environment)")), "{message}");
        assert!(!message.contains("secret-word"), "{message}");
    }
    assert!(load(&[("TLS_CERTS", "/x")]).unwrap_err().to_string().contains("LINKLOGGER_REDIRECT_TLS_LISTEN"));
    assert!(load(&[("TLS_CERTS", "/x"), ("REDIRECT_TLS_LISTEN", "127.0.0.1:8443")]).unwrap().redirect_tls.is_some());
    assert!(load(&[("ROLES", "worker")]).unwrap_err().to_string().contains("LINKLOGGER_NATS_URL"));
}

#[test]
fn the_listing_hides_passwords() {
    let env = |name: &str| (name == "LINKLOGGER_DATABASE_URL").then(|| "postgres://ada:secret-word@db/links".to_owned());
    let key = "fb".repeat(32);
    let sealed = |name: &str| (name == "LINKLOGGER_SEAL_KEY").then(|| key.clone());
    assert!(!Values::merge(&Flags::default(), sealed, "linklogger.toml", &BTreeMap::new()).describe().contains("fb"));
    let listing = Values::merge(&Flags::default(), env, "linklogger.toml", &BTreeMap::new()).describe();
    assert!(listing.contains("postgres://ada:hidden@db/links  # environment") && !listing.contains("secret-word"));
    assert!(listing.contains("LINKLOGGER_SIGN_UP=open  # default"));
}
