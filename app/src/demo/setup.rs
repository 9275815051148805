//! The demo's user, workspace and links, made over GraphQL as anybody would.
//!
//! On the first run by an API of their own whose clock stands where the history begins: so they
//! are as old as the clicks, and whatever counts from a workspace's beginning counts them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use api::{ApiOptions, ApiParts};
use domain::WorkspaceId;
use platform::{Clock, Health, Lifecycle, Rng};
use serde_json::{Value, json};

use super::links::DEMO_LINKS;
use super::moments::DAY;
use super::{Demo, http};

pub(super) const EMAIL: &str = "demo@example.com";
const MINUTE: i64 = 60_000;

/// A sign-in.
pub(super) struct Session {
    pub access_token: String,
    pub refresh_token: String,
    pub workspace: WorkspaceId,
}

/// Made once and kept beside the data, so that a second run can sign in.
pub(super) fn password(dir: &Path, rng: &Rng) -> anyhow::Result<String> {
    let file = dir.join("demo-password");
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Ok(text.trim().to_owned());
    }
    let password = format!("{:032x}", u128::from_le_bytes(rng.bytes()));
    std::fs::write(&file, &password).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(password)
}

/// Makes what is missing, and signs in.
pub(super) async fn set_up(demo: &Demo, password: &str) -> anyhow::Result<Session> {
    let session = match sign_in(demo.api, password).await {
        Ok(session) => session,
        Err(_) => {
            found(demo, password).await?;
            sign_in(demo.api, password).await?
        }
    };
    // Those that the founding did not come to, or that someone took away.
    make_links(demo.api, &session.access_token, &demo.parts.clock).await?;
    Ok(session)
}

/// A session of its own.
pub(super) async fn sign_in(api: SocketAddr, password: &str) -> anyhow::Result<Session> {
    let query = "mutation($i: SignInInput!) { session: signIn(input: $i) { accessToken refreshToken workspace { id } } }";
    session(&ask(api, None, query, json!({ "email": EMAIL, "password": password })).await?)
}

/// Makes the user, the workspace and the links where the history begins.
async fn found(demo: &Demo, password: &str) -> anyhow::Result<()> {
    let then = demo.parts.clock.now().plus(-i64::from(demo.flags.history_days) * DAY);
    let clock = Clock::manual(then);
    let lifecycle = Lifecycle::new();
    let _until_founded = lifecycle.stopping().clone().drop_guard();
    let options = ApiOptions { listen: (Ipv4Addr::LOCALHOST, 0).into(), ..demo.options.clone() };
    // It says nothing of this process's health.
    let parts = ApiParts { clock: clock.clone(), health: Health::default(), ..demo.parts.clone() };
    let api = api::start(options, parts, &lifecycle).await?;
    let query = "mutation($i: SignUpInput!) { session: signUp(input: $i) { accessToken refreshToken workspace { id } } }";
    let input = json!({ "email": EMAIL, "password": password, "workspaceName": "Demo", "timeZone": "Europe/Berlin" });
    let session = session(&ask(api, None, query, input).await?)?;
    make_links(api, &session.access_token, &clock).await
}

fn session(answer: &Value) -> anyhow::Result<Session> {
    let session = &answer["data"]["session"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let read = || {
        Some(Session {
            access_token: text(&session["accessToken"])?,
            refresh_token: text(&session["refreshToken"])?,
            workspace: session["workspace"]["id"].as_str()?.parse().ok()?,
        })
    };
    read().with_context(|| format!("The demo's user cannot sign in: {}", answer["errors"][0]["message"]))
}

/// Makes the links that are not there yet, a minute apart where the clock can be moved.
async fn make_links(api: SocketAddr, token: &str, clock: &Clock) -> anyhow::Result<()> {
    let query = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id } } }";
    for link in DEMO_LINKS {
        let answer = ask(api, Some(token), query, json!({ "targetUrl": link.target, "slug": link.slug, "title": link.title })).await?;
        let error = &answer["errors"][0];
        anyhow::ensure!(error.is_null() || error["extensions"]["code"] == "CONFLICT", "A demo link cannot be made: {}", error["message"]);
        clock.advance(MINUTE);
    }
    Ok(())
}

async fn ask(api: SocketAddr, token: Option<&str>, query: &str, input: Value) -> anyhow::Result<Value> {
    let body = json!({ "query": query, "variables": { "i": input } }).to_string();
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    let answer = http::post(api, "/graphql", &headers, &body).await?;
    Ok(serde_json::from_str(&answer)?)
}
