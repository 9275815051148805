//! The command line with its help. Every command takes every setting, so that a script may give all of
//! them the same ones; but the help of a command shows only those that change what it does.

use clap::{Arg, Command};
use platform::config::SETTINGS;

/// By command, parents included. What is not listed is run with a configuration and shows all of it.
const CONCERNS: &[(&str, &[&str])] = &[
    ("migrate", &DATABASE),
    ("links", &LINKS),
    ("resync", &LINKS),
    ("schema", &[]),
    ("config", &[]),
    ("spool", &["data_dir"]),
    ("inspect", &["data_dir"]),
    ("verify", &["data_dir"]),
    ("replay", &["data_dir"]),
    ("geoip", &GEOIP),
    ("fetch", &GEOIP),
    ("status", &["data_dir", "geoip_db"]),
    ("dead-letters", &WORKER),
    ("list", &DATABASE),
    ("retry", &WORKER),
    ("remove", &DATABASE),
    ("reclassify", &WORKER),
    ("verify-rollups", &DATABASE),
    ("rebuild-rollups", &DATABASE),
    ("healthcheck", &["ops_listen"]),
];
const DATABASE: [&str; 4] = ["database_url", "data_dir", "log", "log_format"];
const WORKER: [&str; 5] = ["database_url", "data_dir", "geoip_db", "log", "log_format"];
const GEOIP: [&str; 3] = ["data_dir", "geoip_db", "geoip_registry"];
const LINKS: [&str; 7] = ["database_url", "data_dir", "nats_url", "seal_key", "seal_key_file", "log", "log_format"];

const MORE: &str =
    "`linklogger --help` lists every setting; each can also be given here, as an environment variable or in linklogger.toml.";

/// `command` with these helps.
pub(crate) fn shortened(command: Command) -> Command {
    let arguments: Vec<Arg> = command.get_arguments().filter(|argument| argument.is_global_set()).cloned().collect();
    command.mut_subcommands(|sub| shortened_sub(sub, &arguments))
}

fn shortened_sub(command: Command, arguments: &[Arg]) -> Command {
    let command = command.mut_subcommands(|sub| shortened_sub(sub, arguments));
    let Some((_, shown)) = CONCERNS.iter().find(|(name, _)| *name == command.get_name()) else { return command };
    let is_hidden = |argument: &&Arg| {
        let name = argument.get_id().as_str();
        SETTINGS.iter().any(|setting| setting.name == name) && !shown.contains(&name)
    };
    // A global argument of the same name that is there already is not put in its place.
    let hidden: Vec<Arg> = arguments.iter().filter(is_hidden).map(|argument| argument.clone().hide(true)).collect();
    command.args(hidden).after_help(MORE)
}
