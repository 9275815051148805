//! Clicks with a key or a signature: what is answered, what is captured, and who is refused.

mod bodies;
mod keys;
mod signed;
mod sources;

use std::time::Duration;

use domain::{
    ApiKeyId, ApiKeyRight, ApiKeyState, ApiScope, Millis, SealedSecret, WorkspaceId, WorkspacePolicy, compose_api_key, signing_purpose,
    text_to_sign,
};
use platform::{Rng, signature_of};
use reqwest::Response;
use serde_json::Value;

use crate::fixture::Running;

pub const PATIENCE: Duration = Duration::from_secs(5);
const TARGET: &str = "https://example.com/a?x=1";
const DAY: i64 = 24 * 3_600 * 1_000;

pub fn workspace() -> WorkspaceId {
    WorkspaceId::new(Millis(1), [2; 10])
}

fn key_id() -> ApiKeyId {
    ApiKeyId::new(Millis(1), [3; 10])
}

/// Makes a key that is good for what `change` leaves of it; its text.
pub fn know_key(running: &Running, change: impl FnOnce(&mut ApiKeyRight)) -> String {
    know_key_of(running, key_id(), change)
}

fn know_key_of(running: &Running, id: ApiKeyId, change: impl FnOnce(&mut ApiKeyRight)) -> String {
    let (text, hash) = compose_api_key(id, [7; 32]);
    let mut right = ApiKeyRight { workspace: workspace(), hash, scopes: vec![ApiScope::ClicksWrite], expires_at: None, networks: vec![] };
    change(&mut right);
    running.policies.keys.lock().unwrap().insert(id, ApiKeyState { id, version: 1, right: Some(right) });
    text
}

pub fn know_secrets(running: &Running, secrets: &[(&str, Option<Millis>)]) {
    let seal = |(secret, valid_until): &(&str, Option<Millis>)| {
        let sealed = running.seal_key.seal(&signing_purpose(workspace()), secret.as_bytes(), &Rng::System).unwrap();
        SealedSecret { sealed, valid_until: *valid_until }
    };
    let policy = WorkspacePolicy { version: 1, secrets: secrets.iter().map(seal).collect(), ..WorkspacePolicy::undecided(workspace()) };
    running.policies.workspaces.lock().unwrap().insert(workspace(), policy);
}

pub async fn post(running: &Running, key: &str, body: Value) -> Response {
    running.http.post(running.url("/log-and-redirect")).bearer_auth(key).json(&body).send().await.unwrap()
}

/// A body that is written as it stands.
async fn send(running: &Running, key: &str, media: &'static str, body: impl Into<reqwest::Body>) -> Response {
    let request = running.http.post(running.url("/log-and-redirect")).bearer_auth(key);
    request.header("content-type", media).body(body).send().await.unwrap()
}

/// Status, the error's code, and the paths of its issues.
async fn told(answer: Response) -> (u16, String, Vec<String>) {
    assert!(answer.headers().get("location").is_none(), "nobody is sent on");
    let status = answer.status().as_u16();
    let error = answer.json::<Value>().await.unwrap()["error"].take();
    let issues = error["issues"].as_array().cloned().unwrap_or_default();
    (status, error["code"].as_str().unwrap().to_owned(), issues.iter().map(|issue| issue["path"].as_str().unwrap().to_owned()).collect())
}

fn refused(status: u16, code: &str) -> (u16, String, Vec<String>) {
    (status, code.to_owned(), vec![])
}

pub fn signed_query(secret: &str, expires_at: Millis, more: &[(&str, &str)]) -> String {
    signed_to(TARGET, secret, expires_at, more)
}

pub fn signed_to(target: &str, secret: &str, expires_at: Millis, more: &[(&str, &str)]) -> String {
    let (workspace, expires) = (workspace().to_string(), (expires_at.0 / 1_000).to_string());
    let fixed = [("u", target), ("w", workspace.as_str()), ("exp", expires.as_str())];
    let pairs: Vec<(String, String)> = fixed.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let query = reqwest::Url::parse_with_params("http://x/", &pairs).unwrap().query().unwrap().to_owned();
    format!("{query}&sig={}", signature_of(secret.as_bytes(), &text_to_sign(&pairs)))
}

async fn opened(running: &Running, query: &str) -> (u16, Option<String>) {
    let answer = running.get(&format!("/r?{query}")).await;
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location)
}
