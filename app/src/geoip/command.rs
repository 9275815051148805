//! `linklogger geoip`: fetching databases, and telling which there are.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use enrich::{GeoDatabases, GeoFile, GeoSource};
use platform::Clock;
use platform::config::Config;

use super::catalogue::{ASN, CITY, attribution};
use super::fetch::{Fetched, fetch};
use super::registry::Registry;
use super::{day, source};
use crate::commands::{counted, prepare_data_dir, say};

const SECONDS_A_DAY: i64 = 86_400;
const MIB: u64 = 1 << 20;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GeoIpCommand {
    /// Download free databases into geoip of the data folder, where running processes find them too
    Fetch(FetchFlags),
    /// Print the databases that are used, how old they are, and whom to name for them
    Status,
}

#[derive(Clone, Copy, Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct FetchFlags {
    /// Countries, regions, cities and coordinates: DB-IP's city database (CC BY 4.0), about 130 MB, all of it in memory
    #[arg(long)]
    city: bool,
    /// Autonomous systems, by which data centres are told (CC BY 4.0): about 35 MB, 13 MB in memory
    #[arg(long)]
    asn: bool,
}

pub(crate) async fn run(command: &GeoIpCommand, config: &Config) -> anyhow::Result<ExitCode> {
    match command {
        GeoIpCommand::Fetch(flags) => fetch_all(*flags, config).await,
        GeoIpCommand::Status => status(config),
    }
}

async fn fetch_all(flags: FetchFlags, config: &Config) -> anyhow::Result<ExitCode> {
    prepare_data_dir(config)?;
    let (folder, registry) = (config.geoip_folder(), Registry::new(config.geoip_registry.clone())?);
    for (_, package) in [(flags.city, &CITY), (flags.asn, &ASN)].into_iter().filter(|(is_wanted, _)| *is_wanted) {
        say(&format!("Fetching {} {} …\n", package.of, package.name))?;
        let Fetched { version, files } = fetch(&registry, package, &folder).await?;
        for path in files {
            say(&format!("  {} (version {version})\n", path.display()))?;
        }
    }
    let next = match &config.geoip_db {
        Some(_) => "LINKLOGGER_GEOIP_DB is set, so only the files that it names are used: name these there too, or leave it out.\n",
        None => "Processes that use this data folder have them in a few seconds, or when they start.\n",
    };
    say(&format!("{next}`linklogger geoip status` says whom to name for them where places are shown.\n"))
}

fn status(config: &Config) -> anyhow::Result<ExitCode> {
    let found = source(config);
    let (is_named, folder) = (matches!(found, GeoSource::Files(_)), config.geoip_folder());
    let from = if is_named { "LINKLOGGER_GEOIP_DB".to_owned() } else { folder.display().to_string() };
    let databases = GeoDatabases::open(found)?;
    let now = Clock::System.now().0 / 1_000;
    let files: Vec<_> = databases.state().into_iter().filter_map(|state| state.used).collect();
    if files.is_empty() {
        return say(&format!("No geo database in {from}: clicks have no place. `linklogger geoip fetch --city` gets one.\n"));
    }
    say(&files.iter().map(|file| described(file, now)).collect::<String>())?;
    if is_named && !GeoSource::Folder(folder.clone()).list()?.is_empty() {
        say(&format!("What lies in {} is not used, since LINKLOGGER_GEOIP_DB is set.\n", folder.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(file: &GeoFile, now: i64) -> String {
    let ago = |since: i64| counted(u64::try_from((now - since) / SECONDS_A_DAY).unwrap_or_default(), "day");
    let written = file.modified();
    let age = match file.built() {
        Some(built) if file.says_when() => format!("built {} ({} ago), the file written {}", day(built), ago(built), day(written)),
        Some(dated) => format!("of {} ({} ago), by the file's time", day(dated), ago(dated)),
        None => format!("does not say when it was built, the file written {} ({} ago)", day(written), ago(written)),
    };
    let name = file.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let credit = attribution(&name, file.kind()).map(|credit| format!("  {credit}\n")).unwrap_or_default();
    format!("{}\n  {} · {age} · {} MiB\n{credit}", file.path().display(), file.kind(), file.bytes().div_ceil(MIB))
}
