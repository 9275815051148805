//! `--help` is the manual: all of it where it belongs, and nowhere else.

use std::collections::BTreeSet;
use std::path::Path;

use testkit::ProgramOptions;

use crate::program;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    ProgramOptions { arguments, ..ProgramOptions::default() }.run(program())
}

/// The flags in the help of a command.
fn flags(command: &[&str]) -> BTreeSet<String> {
    let (code, help, error) = run(&[command, &["--help"]].concat());
    assert_eq!(code, Some(0), "{command:?}: {error}");
    let flags = help.lines().map(|line| line.trim_start().trim_start_matches("-h, ").trim_start_matches("-V, "));
    flags.filter_map(|line| line.strip_prefix("--")?.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_help_of_a_command_shows_what_concerns_it() {
    let all = flags(&[]);
    assert!(all.len() > 25 && all.contains("redirect-tls-listen") && all.contains("seal-key"), "{all:?}");
    for command in ["serve", "demo"] {
        assert!(flags(&[command]).is_superset(&all.iter().filter(|flag| *flag != "version").cloned().collect()), "{command}");
    }
    let links = ["config", "database-url", "data-dir", "nats-url", "seal-key", "seal-key-file", "log", "log-format", "help"];
    for (command, shown) in [
        (&["migrate"][..], &["config", "database-url", "data-dir", "log", "log-format", "help"][..]),
        (&["links"], &links),
        (&["links", "resync"], &links),
        (&["schema"], &["config", "help"]),
        (&["config"], &["config", "help"]),
        (&["spool"], &["config", "data-dir", "help"]),
        (&["spool", "inspect"], &["config", "data-dir", "help"]),
        (&["spool", "verify"], &["config", "data-dir", "help"]),
        (&["spool", "replay"], &["config", "data-dir", "from", "help"]),
        (&["geoip"], &["config", "data-dir", "geoip-db", "geoip-registry", "help"]),
        (&["geoip", "fetch"], &["asn", "city", "config", "data-dir", "geoip-db", "geoip-registry", "help"]),
        (&["geoip", "status"], &["config", "data-dir", "geoip-db", "help"]),
        (&["verify-rollups"], &["config", "database-url", "data-dir", "log", "log-format", "help"]),
        (&["rebuild-rollups"], &["config", "database-url", "data-dir", "dry-run", "from", "workspace", "log", "log-format", "help"]),
        (&["reclassify"], &["config", "database-url", "data-dir", "geoip-db", "from", "to", "workspace", "log", "log-format", "help"]),
        (&["healthcheck"], &["config", "ops-listen", "help"]),
    ] {
        assert_eq!(flags(command), shown.iter().map(|flag| (*flag).to_owned()).collect(), "{command:?}");
        assert!(run(&[command, &["--help"]].concat()).1.contains("`linklogger --help` lists every setting"), "{command:?}");
    }
}

#[test]
fn settings_are_taken_wherever_they_stand_shown_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let (here, there) = (inside("here"), inside("there"));
    for arguments in [
        ["--data-dir", &here, "spool", "inspect", "--short-domain", "go.example"],
        ["spool", "--short-domain", "go.example", "--data-dir", &here, "inspect"],
        ["spool", "inspect", "--short-domain", "go.example", "--data-dir", &here],
    ] {
        let (code, _, error) = run(&arguments);
        assert!(code == Some(1) && error.contains(Path::new(&here).join("spool").to_str().unwrap()), "{arguments:?}: {error}");
    }
    let (code, _, error) = run(&["--short-domain", "a b", "spool", "inspect", "--data-dir", &there]);
    assert!(code == Some(1) && error.contains("LINKLOGGER_SHORT_DOMAIN (from: flag)"), "{error}");
}
