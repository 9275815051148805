//! Where each value comes from: flag, environment, file or default.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Arg, ArgMatches, Args, FromArgMatches};

use super::ConfigError;
use super::settings::{SETTINGS, Setting};

/// Settings given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags(pub BTreeMap<&'static str, String>);

const FILE_FLAG: &str = "config";
const DEFAULT_FILE: &str = "linklogger.toml";

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let names = SETTINGS.iter().map(|setting| setting.name).chain([FILE_FLAG]);
        Ok(Self(names.filter_map(|name| Some((name, matches.get_one::<String>(name)?.clone()))).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

impl Args for Flags {
    fn augment_args(command: clap::Command) -> clap::Command {
        let file = Arg::new(FILE_FLAG)
            .long(FILE_FLAG)
            .value_name("FILE")
            .global(true)
            .help("Configuration file [env: LINKLOGGER_CONFIG] [default: linklogger.toml, if there]");
        SETTINGS.iter().fold(command.arg(file), |command, setting| {
            let default = setting.default.filter(|value| !value.is_empty()).map(|value| format!(" [default: {value}]")).unwrap_or_default();
            let help = format!("{} [env: {}]{default}", setting.help, setting.variable());
            command
                .arg(Arg::new(setting.name).long(setting.flag()).value_name("VALUE").global(true).help(help).help_heading("Configuration"))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Flag,
    Environment,
    File(String),
    Default,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => f.write_str(path),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Every setting's text and origin.
#[derive(Clone, Debug)]
pub struct Values(BTreeMap<&'static str, (String, Source)>);

impl Values {
    pub(super) fn gather(flags: &Flags) -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the configuration is where the environment is read")]
        let env = |name: &str| std::env::var(name).ok();
        let named = flags.0.get(FILE_FLAG).cloned().or_else(|| env("LINKLOGGER_CONFIG"));
        let path = named.clone().unwrap_or_else(|| DEFAULT_FILE.to_owned());
        let file = match std::fs::read_to_string(Path::new(&path)) {
            Ok(text) => read_file(&path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => BTreeMap::new(),
            Err(error) => {
                return Err(ConfigError(format!("The configuration file {path} cannot be read ({error}). Mend its path or permissions.")));
            }
        };
        Ok(Self::merge(flags, env, &path, &file))
    }

    pub(super) fn merge(flags: &Flags, env: impl Fn(&str) -> Option<String>, path: &str, file: &BTreeMap<String, String>) -> Self {
        let find = |setting: &Setting| {
            let flag = flags.0.get(setting.name).map(|value| (value.clone(), Source::Flag));
            let environment = || {
                env(&setting.variable())
                    .filter(|value| setting.may_be_empty() || !value.is_empty())
                    .map(|value| (value, Source::Environment))
            };
            let in_file = || file.get(setting.name).map(|value| (value.clone(), Source::File(path.to_owned())));
            let default = || setting.default.map(|value| (value.to_owned(), Source::Default));
            flag.or_else(environment).or_else(in_file).or_else(default)
        };
        Self(SETTINGS.iter().filter_map(|setting| Some((setting.name, find(setting)?))).collect())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(text, _)| text.as_str())
    }

    pub(super) fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        let Some((text, source)) = self.0.get(name) else {
            return Err(ConfigError(format!("LINKLOGGER_{} is not set. Set it.", name.to_ascii_uppercase())));
        };
        parse(text).map_err(|advice| {
            let secret = SETTINGS.iter().any(|setting| setting.name == name && setting.secret);
            let shown = if secret { "a value (hidden)".to_owned() } else { format!("\"{text}\"") };
            ConfigError(format!("LINKLOGGER_{} (from: {source}) is {shown}: {advice}", name.to_ascii_uppercase()))
        })
    }

    pub(super) fn optional<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        self.text(name).map(|_| self.parsed(name, parse)).transpose()
    }

    /// One line per setting: variable, value with secrets hidden, origin.
    pub fn describe(&self) -> String {
        let line = |setting: &Setting| match self.0.get(setting.name) {
            Some((text, source)) => {
                let shown = if setting.secret { hide_password(text) } else { text.clone() };
                format!("{}={shown}  # {source}\n", setting.variable())
            }
            None => format!("# {} is not set: {}\n", setting.variable(), setting.help),
        };
        SETTINGS.iter().map(line).collect()
    }
}

fn hide_password(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(Some("hidden"));
            url.into()
        }
        Ok(_) => text.to_owned(),
        Err(_) => "hidden".to_owned(),
    }
}

fn read_file(path: &str, text: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let before = text.get(..error.span().map_or(text.len(), |span| span.start)).unwrap_or(text);
        let (line, reason) = (before.matches('\n').count() + 1, error.message().lines().collect::<Vec<_>>().join(", "));
        ConfigError(format!("{path} is no valid TOML in line {line}: {reason}. Write settings like api_listen = \"127.0.0.1:8080\"."))
    })?;
    table
        .into_iter()
        .map(|(key, value)| {
            if !SETTINGS.iter().any(|setting| setting.name == key) {
                return Err(ConfigError(format!("{path} sets \"{key}\", which is no setting. `linklogger config` lists them all.")));
            }
            let value = match value {
                toml::Value::Array(items) => items.into_iter().map(plain).collect::<Vec<_>>().join(","),
                other => plain(other),
            };
            Ok((key, value))
        })
        .collect()
}

fn plain(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}
