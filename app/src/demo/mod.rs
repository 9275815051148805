//! `linklogger demo`: a workspace with a dozen links, and believable traffic through the real
//! redirector over HTTP until the stop.

mod agents;
mod http;
mod links;
mod places;
mod rhythm;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use domain::Millis;
use platform::{Clock, Rng};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::commands::say;
use agents::Agents;
use links::{DEMO_LINKS, DemoLink, Via};
use places::Places;

const EMAIL: &str = "demo@example.com";

#[derive(Clone, Debug)]
pub(crate) struct DemoOptions {
    pub api: SocketAddr,
    pub redirect: SocketAddr,
    pub geoip: Vec<PathBuf>,
    pub data_dir: PathBuf,
    /// On average over a day.
    pub clicks_per_second: f64,
}

/// Runs until the stop.
pub(crate) async fn run(options: DemoOptions, rng: Rng, clock: Clock, stopping: CancellationToken) -> anyhow::Result<()> {
    let password = password(&options.data_dir, &rng)?;
    let token = sign_in(&options, &password).await?;
    make_links(&options, &token).await?;
    say(&format!(
        "  Demo         {EMAIL}, password {password}\n  \
         Try: curl -s http://{}/graphql -H 'Content-Type: application/json' -H 'Authorization: Bearer {token}' \\\n       \
         -d '{{\"query\":\"{{ clickTotals {{ clicks human bots }} }}\"}}'\n",
        options.api
    ))?;
    let geoip = options.geoip.clone();
    let places = tokio::task::spawn_blocking({
        let rng = rng.clone();
        move || Places::sample(&geoip, &rng)
    })
    .await?;
    let traffic = Traffic { options, rng, clock, places, agents: Agents };
    tokio::select! {
        () = traffic.run() => {}
        () = stopping.cancelled() => {}
    }
    Ok(())
}

/// Made once and kept beside the data, so that a second run can sign in.
fn password(dir: &Path, rng: &Rng) -> anyhow::Result<String> {
    let file = dir.join("demo-password");
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Ok(text.trim().to_owned());
    }
    let password = format!("{:032x}", u128::from_le_bytes(rng.bytes()));
    std::fs::write(&file, &password).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(password)
}

async fn ask(options: &DemoOptions, token: Option<&str>, query: &str, input: Value) -> anyhow::Result<Value> {
    let body = json!({ "query": query, "variables": { "i": input } }).to_string();
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    let answer = http::post(options.api, "/graphql", &headers, &body).await?;
    Ok(serde_json::from_str(&answer)?)
}

async fn sign_in(options: &DemoOptions, password: &str) -> anyhow::Result<String> {
    let up = "mutation($i: SignUpInput!) { session: signUp(input: $i) { accessToken } }";
    let input = json!({ "email": EMAIL, "password": password, "workspaceName": "Demo", "timeZone": "Europe/Berlin" });
    let mut answer = ask(options, None, up, input).await?;
    if answer.get("errors").is_some() {
        let again = "mutation($i: SignInInput!) { session: signIn(input: $i) { accessToken } }";
        answer = ask(options, None, again, json!({ "email": EMAIL, "password": password })).await?;
    }
    let token = answer["data"]["session"]["accessToken"].as_str().map(str::to_owned);
    token.with_context(|| format!("The demo's user cannot sign in: {}", answer["errors"][0]["message"]))
}

async fn make_links(options: &DemoOptions, token: &str) -> anyhow::Result<()> {
    let query = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id } } }";
    for link in DEMO_LINKS {
        let answer = ask(options, Some(token), query, json!({ "targetUrl": link.target, "slug": link.slug, "title": link.title })).await?;
        let error = &answer["errors"][0];
        // On a second run they are there.
        anyhow::ensure!(error.is_null() || error["extensions"]["code"] == "CONFLICT", "A demo link cannot be made: {}", error["message"]);
    }
    Ok(())
}

struct Traffic {
    options: DemoOptions,
    rng: Rng,
    clock: Clock,
    places: Places,
    agents: Agents,
}

impl Traffic {
    async fn run(&self) {
        let mut burst: Option<(usize, Millis)> = None;
        loop {
            let now = self.clock.now();
            let busy = rhythm::activity(now, self.places.countries());
            burst = burst.filter(|(_, until)| now < *until);
            // About once in ten minutes something goes round.
            if burst.is_none() && self.chance(busy / (600.0 * self.options.clicks_per_second.max(0.1))) {
                let link = usize::try_from(self.rng.below(DEMO_LINKS.len() as u64)).unwrap_or_default();
                burst = Some((link, now.plus(20_000 + i64::try_from(self.rng.below(60_000)).unwrap_or_default())));
            }
            let rate = self.options.clicks_per_second * busy * if burst.is_some() { 4.0 } else { 1.0 };
            tokio::time::sleep(rhythm::wait(rate, &self.rng)).await;
            let link = match burst {
                Some((link, _)) if self.chance(0.8) => DEMO_LINKS.get(link),
                _ => None,
            };
            self.visit(link.unwrap_or_else(|| links::pick(&self.rng))).await;
        }
    }

    fn chance(&self, probability: f64) -> bool {
        (self.rng.below(1_000_000) as f64) < probability * 1e6
    }

    async fn visit(&self, link: &DemoLink) {
        let now = self.clock.now();
        let place = self.places.pick(&self.rng, |zone| rhythm::of_hour(now, zone));
        let via = links::via(link, &self.rng);
        let path = links::path(link, via, &self.rng);
        let headers = self.agents.request(&self.rng, place.languages, via.referrer());
        let redirect = self.options.redirect;
        let ip = place.ip.to_string();
        let method = if matches!(via, Via::Preview) && self.chance(0.3) { "HEAD" } else { "GET" };
        // A visit that fails is one less; the traffic goes on.
        let visit = http::visit(redirect, method, &path, &headers, &ip);
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(5), visit).await {
            tracing::debug!(%error, "a demo visit failed");
        }
    }
}
