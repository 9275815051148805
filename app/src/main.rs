//! The program `linklogger`: reads the command line, runs one command, and turns what goes wrong
//! into one sentence and exit code 1.

mod commands;
mod database;
mod dead_letters;
mod demo;
mod geoip;
mod help;
mod links;
mod policies;
mod private;
mod rebuild;
mod reclassify;
mod salts;
mod seal;
mod seams;
mod serve;
mod spool_command;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use platform::config::{Config, Flags, LogFormat};

/// Captures every click on a tracked link before it redirects, counts it and shows it live.
#[derive(Debug, Parser)]
#[command(name = "linklogger", version, about, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    flags: Flags,
}

const AFTER_HELP: &str = "Every setting can be given as a flag, as an environment variable or in linklogger.toml, in this order. \
`linklogger config` shows what is in effect and where it came from.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the roles of this process: api, redirector and worker, all of them by default
    Serve,
    /// Run everything with a demo workspace and lively traffic
    Demo(demo::DemoFlags),
    /// Bring the database's schema up to date
    Migrate,
    /// Tend the snapshot of links in NATS, from which redirectors without a database serve
    #[command(subcommand)]
    Links(LinksCommand),
    /// Print the GraphQL schema
    Schema,
    /// Print the effective configuration, secrets hidden, and where each value came from
    Config,
    /// Look into the spool of LINKLOGGER_DATA_DIR, verify it, or deliver from it again
    #[command(subcommand)]
    Spool(spool_command::SpoolCommand),
    /// Fetch databases of places and autonomous systems, or print which are used
    #[command(subcommand, name = "geoip")]
    GeoIp(geoip::GeoIpCommand),
    /// Look at records that the database refused, try them again, or delete them
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLetterCommand),
    /// Read and judge stored clicks again by the rules of this version and the geo databases; totals follow
    Reclassify(reclassify::ReclassifyFlags),
    /// Compare every rollup cell with the clicks that it was made of, where they are still kept; exit code 1 when one
    /// differs. Processes may go on running
    VerifyRollups,
    /// Count rollup cells anew from the clicks that are kept, a local day at a time, the last one first, and what lists
    /// of links sort by from the cells; for when verify-rollups finds differences. Processes may go on running. Workers
    /// do by themselves what an upgrade asks for
    RebuildRollups(rebuild::RebuildFlags),
    /// Ask a running process on this machine whether it is ready; exit code 0 when it is
    Healthcheck,
}

#[derive(Debug, Subcommand)]
enum LinksCommand {
    /// Write every link of the database to the snapshot; none goes back to an older version
    Resync,
}

fn main() -> ExitCode {
    // One crypto provider for all; a second installation cannot happen here.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let matches = help::shortened(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            commands::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    if matches!(cli.command, Command::Schema) {
        return commands::say(&api::sdl());
    }
    let (config, values) = Config::load(&cli.flags)?;
    match &cli.command {
        Command::Config => commands::show_config(&config, &values),
        Command::Healthcheck => commands::healthcheck(config.ops_listen),
        Command::Serve => on_runtime(&config, serve::serve(config.clone(), None)),
        Command::Demo(flags) => on_runtime(&config, serve::serve(config.clone(), Some(*flags))),
        Command::Spool(command) => spool_command::run(command, &config.data_dir),
        Command::GeoIp(command) => on_runtime(&config, geoip::run(command, &config)),
        Command::Reclassify(flags) => on_runtime(&config, reclassify::run(*flags, &config)),
        Command::DeadLetters(command) => on_runtime(&config, dead_letters::run(*command, &config)),
        Command::RebuildRollups(flags) => on_runtime(&config, rebuild::run(*flags, &config)),
        Command::VerifyRollups => on_runtime(&config, verify::run(&config)),
        Command::Migrate => on_runtime(&config, commands::migrate(&config)),
        Command::Links(LinksCommand::Resync) => on_runtime(&config, links::resync(&config)),
        Command::Schema => Ok(ExitCode::SUCCESS),
    }
}

fn on_runtime(config: &Config, work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    platform::init_telemetry(&config.log, config.log_format == LogFormat::Json);
    platform::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // Whatever is left behind must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    result
}
