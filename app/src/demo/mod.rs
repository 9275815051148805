//! `linklogger demo`: a workspace with a dozen links and a past, and believable traffic through the
//! real redirector over HTTP until the stop.

mod agents;
mod history;
mod http;
mod links;
mod live;
mod moments;
mod places;
mod rhythm;
mod setup;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;

use api::{ApiOptions, ApiParts};
use domain::WorkspaceId;
use enrich::{Enricher, GeoDatabases};
use platform::Rng;
use platform::config::Config;
use tokio_util::sync::CancellationToken;

use crate::commands::say;
use history::History;
use live::Traffic;
use places::Places;
use setup::EMAIL;
use visit::Visitors;

/// What the command line says of the demo.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct DemoFlags {
    /// Clicks per second, on average over a week
    #[arg(long, default_value_t = 0.3)]
    pub rate: f64,
    /// Days of clicks that a new demo workspace has behind it; 0 for none
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(..=366))]
    pub history_days: u16,
    /// Repeat the random choices of another demo with this number
    #[arg(long)]
    pub seed: Option<u64>,
}

/// What the demo plays on.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    pub flags: DemoFlags,
    pub config: Config,
    pub geo: Arc<GeoDatabases>,
    /// Where the roles of this process listen.
    pub api: SocketAddr,
    pub redirect: SocketAddr,
    /// What the API was made of.
    pub options: ApiOptions,
    pub parts: ApiParts,
}

/// Runs until the stop.
pub(crate) async fn run(demo: Demo, stopping: CancellationToken) -> anyhow::Result<()> {
    tokio::select! {
        result = demo.play() => result,
        () = stopping.cancelled() => Ok(()),
    }
}

impl Demo {
    async fn play(self) -> anyhow::Result<()> {
        let password = setup::password(&self.config.data_dir, &self.parts.rng)?;
        let workspace = setup::set_up(&self, &password).await?.workspace;
        let visitors = self.visitors().await?;
        self.make_history(workspace, visitors.clone()).await?;
        // Last, so that the reader sees it.
        say(&self.invitation(&password).await?)?;
        let (redirect, clicks_per_second, clock) = (self.redirect, self.flags.rate, self.parts.clock.clone());
        Traffic { visitors, redirect, clicks_per_second, clock }.run().await;
        Ok(())
    }

    async fn make_history(&self, workspace: WorkspaceId, visitors: Visitors) -> anyhow::Result<()> {
        let (store, clock) = (self.parts.store.clone(), self.parts.clock.clone());
        let (short_domain, enricher) = (self.config.short_domain.clone(), Enricher::new(self.geo.clone()));
        let live_per_day = (self.flags.rate * 86_400.0) as u32;
        let history = History { store, workspace, short_domain, enricher, visitors, clock, live_per_day };
        if let Some(past) = history.missing(self.flags.history_days).await? {
            say(&format!("Making {} days of demo history …\n", past.days()))?;
            history.make(past).await?;
        }
        Ok(())
    }

    /// With choices that the seed repeats, if there is one. Secrets are never drawn from it.
    async fn visitors(&self) -> anyhow::Result<Visitors> {
        let rng = self.flags.seed.map_or_else(|| self.parts.rng.clone(), Rng::seeded);
        let files: Vec<_> = self.geo.state().into_iter().map(|state| state.path).collect();
        let sample = move || Visitors { places: Places::sample(&files, &rng), rng };
        Ok(tokio::task::spawn_blocking(sample).await?)
    }

    /// The link carries the refresh token of a session of its own, which the dashboard spends. It
    /// stands in the fragment, which browsers never send, so that no server log has it.
    async fn invitation(&self, password: &str) -> anyhow::Result<String> {
        let token = setup::sign_in(self.api, password).await?.refresh_token;
        let url = self.config.public_url.as_str().trim_end_matches('/');
        Ok(format!("  Demo         {url}/enter#{token}  (signs in, works once)\n               later: {EMAIL}, password {password}\n"))
    }
}
