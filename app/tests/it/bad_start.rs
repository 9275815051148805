//! What keeps the program from starting is said in one sentence, with exit code 1.

use std::path::Path;

use testkit::{Postgres, Program, ProgramOptions};

use crate::program;

/// Runs `serve` with one setting changed; what it says.
fn refused(folder: &Path, setting: &'static str, value: &str) -> String {
    let (code, _, error) = ProgramOptions::serve(folder).with(setting, value).run(program());
    assert_eq!(code, Some(1), "{setting}={value}: {error}");
    let sentences: Vec<&str> = error.lines().filter(|line| line.starts_with("linklogger: ")).collect();
    assert_eq!(sentences.len(), 1, "{error}");
    assert!(!error.contains("panicked") && !error.contains("stack backtrace"), "{error}");
    assert!(error.contains(&format!("LINKLOGGER_{setting}")), "{setting}: {error}");
    sentences[0].to_owned()
}

#[test]
fn broken_values_are_named_with_their_mend() {
    let folder = tempfile::tempdir().unwrap();
    for (setting, value, mend) in [
        ("API_LISTEN", "nowhere", "Write it like"),
        ("ROLES", "api,chef", "The roles are"),
        ("ROLES", "api", "LINKLOGGER_NATS_URL"),
        ("ROLES", "", "leave it out for all of them"),
        ("TRUSTED_PROXIES", "10.0.0.0/40", "Write CIDRs like"),
        ("DATABASE_URL", "mysql://x/y", "postgres://"),
        ("DURABILITY", "ram", "os or fsync"),
        ("SPOOL_QUOTA", "much", "512MiB"),
        ("CAPTURE", "loose", "worker or strict"),
        ("NATS_MONITOR_URL", "nats://127.0.0.1:8222", "Write it like http://"),
        ("GEOIP_DB", "/no/such.mmdb", "/no/such.mmdb"),
        ("SHORT_DOMAIN", "a b", "go.example.com"),
        ("DNS_SERVER", "dns.example", "9.9.9.9"),
        ("TLS_CERTS", "/no/such", "Set both, or neither"),
        ("SEAL_KEY", "secret", "openssl rand -hex 32"),
        ("SEAL_KEY_FILE", "/no/such.key", "/no/such.key"),
    ] {
        let sentence = refused(folder.path(), setting, value);
        assert!(sentence.contains(mend), "{sentence}");
    }
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let options = ProgramOptions::serve(folder.path()).with("REDIRECT_TLS_LISTEN", "127.0.0.1:0").with("TLS_CERTS", "/no/such");
    let (code, _, error) = options.run(program());
    assert!(code == Some(1) && error.contains("LINKLOGGER_TLS_CERTS: the folder /no/such cannot be read"), "{error}");
}

#[test]
fn a_damaged_key_is_named_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seal.key");
    std::fs::write(&file, "damaged").unwrap();
    let (code, _, error) = ProgramOptions::serve(folder.path()).run(program());
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("seal.key") && error.contains("backup") && !error.contains("damaged\""), "{error}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "damaged");
}

#[test]
fn a_database_that_lets_nobody_in_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared().url("none");
    let of_nobody = server.replace("postgres@", "ada:hunter2@");
    for (url, reason) in [(server.clone(), "3D000"), (of_nobody, "28000"), (format!("{server}?sslmode=require"), "TLS")] {
        let sentence = refused(folder.path(), "DATABASE_URL", &url);
        assert!(sentence.contains("PostgreSQL cannot be reached") && sentence.contains(reason), "{sentence}");
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }
}

#[test]
fn commands_do_not_wait_for_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://ada:hunter2@127.0.0.1:{}/x", testkit::free_port());
    let mut options = ProgramOptions::serve(folder.path()).with("DATABASE_URL", url);
    options.arguments = vec!["migrate".into()];
    let (code, _, error) = options.run(program());
    assert!(code == Some(1) && error.contains("PostgreSQL cannot be reached") && error.contains("refused"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

/// Of a database that it would make for itself, an edge's snapshot would be filled with nothing.
#[test]
fn commands_for_a_database_are_refused_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["migrate"][..], &["links", "resync"], &["verify-rollups"]] {
        let mut options = ProgramOptions::serve(folder.path()).with("ROLES", "redirector").with("NATS_URL", "nats://127.0.0.1:9");
        options.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (code, _, error) = options.run(program());
        assert!(code == Some(1) && error.contains("has no database") && error.contains("where the api runs"), "{arguments:?}: {error}");
    }
    assert!(!folder.path().join("linklogger.db").exists());
}

#[test]
fn a_data_folder_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let inside = file.join("data").display().to_string();
    assert!(refused(folder.path(), "DATA_DIR", &inside).contains(&inside));
}

#[tokio::test]
async fn a_port_in_use_and_a_folder_in_use_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Program::start(program(), ProgramOptions::serve(&folder.path().join("first")));
    running.ready().await;
    for setting in ["API_LISTEN", "REDIRECT_LISTEN", "OPS_LISTEN"] {
        let sentence = refused(&folder.path().join("second"), setting, running.setting(setting));
        assert!(sentence.contains(running.setting(setting)) && sentence.contains("another address"), "{sentence}");
    }
    let sentence = refused(&folder.path().join("second"), "DATA_DIR", running.setting("DATA_DIR"));
    assert!(sentence.contains("Another process uses the spool"), "{sentence}");
}

#[test]
fn the_configuration_is_shown_with_its_sources() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ProgramOptions::serve(folder.path()).with("DATABASE_URL", "postgres://ada:hunter2@db/x");
    options.arguments = ["config", "--durability", "fsync"].map(str::to_owned).into();
    let (code, shown, _) = options.run(program());
    assert_eq!(code, Some(0));
    assert!(shown.contains("LINKLOGGER_DURABILITY=fsync  # flag"), "{shown}");
    assert!(shown.contains("LINKLOGGER_SIGN_UP=open  # default"), "{shown}");
    assert!(shown.contains("ada:hidden@db") && !shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("uses no database"), "{shown}");
    let mut edge = ProgramOptions::serve(folder.path()).with("ROLES", "redirector").with("NATS_URL", "nats://127.0.0.1:4222");
    edge.arguments = vec!["config".into()];
    let (_, shown, _) = edge.run(program());
    assert!(shown.contains("uses no database") && shown.contains("# LINKLOGGER_DATABASE_URL is not set"), "{shown}");
}

#[test]
fn a_broken_file_is_told_of_in_one_line_that_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("linklogger.toml");
    for (text, reason) in
        [("log = \"info\"\nsign_up = open\n", "line 2"), ("log = \"info\"\n\n[", "line 3"), ("log = \"a\"\nlog = \"b\"\n", "line 2")]
    {
        std::fs::write(&file, text).unwrap();
        let mut options = ProgramOptions::serve(folder.path()).with("CONFIG", file.display().to_string());
        options.arguments = vec!["config".into()];
        let (code, _, error) = options.run(program());
        assert!(code == Some(1) && error.lines().count() == 1, "{error}");
        assert!(error.contains("linklogger.toml is no valid TOML in ") && error.contains(reason), "{error}");
        assert!(error.contains("Write settings like"), "{error}");
    }
}

#[test]
fn a_resync_without_a_broker_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ProgramOptions::serve(folder.path());
    options.arguments = vec!["links".into(), "resync".into()];
    let (code, _, error) = options.run(program());
    assert!(code == Some(1) && error.contains("Set LINKLOGGER_NATS_URL") && !error.contains("panicked"), "{error}");
}
