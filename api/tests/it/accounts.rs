//! Accounts and sessions.

use platform::config::SignUp;
use serde_json::{Value, json};

use crate::fixture::{Setup, start, start_with, told};

const SIGN_UP: &str = "mutation($i: SignUpInput!) { signUp(input: $i) { accessToken refreshToken expiresAt user { id email } workspace { id name slug timeZone } } }";
const SIGN_IN: &str = "mutation($i: SignInInput!) { signIn(input: $i) { accessToken workspace { id } } }";
const REFRESH: &str = "mutation($t: String!) { refreshSession(input: { refreshToken: $t }) { accessToken refreshToken } }";

fn ada() -> Value {
    json!({ "email": "Ada@Example.com", "password": "correct horse battery", "workspaceName": "Ada & Co", "timeZone": "Europe/Berlin" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_up_makes_a_workspace_and_signs_in() {
    let running = start().await;
    let api = running.anonymous();
    let session = api.data(SIGN_UP, json!({ "i": ada() })).await["signUp"].take();
    assert_eq!(session["user"]["email"], "ada@example.com");
    assert_eq!(session["expiresAt"], "2026-03-01T12:15:00.000Z");
    assert_eq!((&session["workspace"]["name"], &session["workspace"]["timeZone"]), (&json!("Ada & Co"), &json!("Europe/Berlin")));
    assert!(session["workspace"]["slug"].as_str().unwrap().starts_with("ada-co-"));
    assert!(session["workspace"]["id"].as_str().unwrap().starts_with("ws_"));
    let signed_in = api.with_token(session["accessToken"].as_str().unwrap());
    let viewer = signed_in.data("{ viewer { user { id } memberships { role workspace { id } } } }", json!({})).await["viewer"].take();
    assert_eq!(viewer["user"]["id"], session["user"]["id"]);
    assert_eq!(viewer["memberships"], json!([{ "role": "OWNER", "workspace": { "id": session["workspace"]["id"] } }]));
    let again = api.error(SIGN_UP, json!({ "i": ada() })).await;
    assert_eq!((told(&again).0.as_str(), &again["extensions"]["field"]), ("CONFLICT", &json!("email")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_wrong_is_told_at_once_and_nothing_is_kept() {
    let running = start().await;
    let api = running.anonymous();
    let wrong = json!({ "email": "ada", "password": "short", "workspaceName": " ", "timeZone": "Mars/Olympus" });
    let error = api.error(SIGN_UP, json!({ "i": wrong })).await;
    assert_eq!(told(&error), ("VALIDATION".into(), ["email", "password", "workspaceName", "timeZone"].map(String::from).into()));
    for (field, value) in [("email", "x@"), ("email", ""), ("password", ""), ("workspaceName", "a\u{7}b"), ("timeZone", "../etc/passwd")] {
        let mut input = ada();
        input[field] = json!(value);
        assert_eq!(told(&api.error(SIGN_UP, json!({ "i": input })).await), ("VALIDATION".into(), vec![field.into()]), "{field}={value}");
    }
    // None of the attempts made the account.
    api.data(SIGN_UP, json!({ "i": ada() })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_a_missing_account_look_the_same() {
    let running = start().await;
    let api = running.anonymous();
    let workspace = api.data(SIGN_UP, json!({ "i": ada() })).await["signUp"]["workspace"]["id"].take();
    let signed_in = api.data(SIGN_IN, json!({ "i": { "email": "ADA@example.com", "password": "correct horse battery" } })).await;
    assert_eq!(signed_in["signIn"]["workspace"]["id"], workspace);
    let wrong = async |email: &str, password: &str| api.error(SIGN_IN, json!({ "i": { "email": email, "password": password } })).await;
    let first = wrong("ada@example.com", "wrong horse battery").await;
    assert_eq!(told(&first).0, "UNAUTHENTICATED");
    for (email, password) in [("eve@example.com", "correct horse battery"), ("nonsense", "x"), ("ada@example.com", "")] {
        let other = wrong(email, password).await;
        assert_eq!((&other["message"], &other["extensions"]), (&first["message"], &first["extensions"]));
    }
    let elsewhere =
        json!({ "email": "ada@example.com", "password": "correct horse battery", "workspaceId": "ws_01h455vb4pex5vsknk084sn02q" });
    assert_eq!(told(&api.error(SIGN_IN, json!({ "i": elsewhere })).await).0, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_renewed_expire_and_end() {
    let running = start().await;
    let api = running.anonymous();
    let session = api.data(SIGN_UP, json!({ "i": ada() })).await["signUp"].take();
    let renewed = api.data(REFRESH, json!({ "t": session["refreshToken"] })).await["refreshSession"].take();
    assert_ne!(renewed["refreshToken"], session["refreshToken"]);
    let signed_in = api.with_token(renewed["accessToken"].as_str().unwrap());
    running.clock.advance(15 * 60_000);
    let expired = signed_in.error("{ viewer { user { id } } }", json!({})).await;
    assert_eq!(told(&expired).0, "UNAUTHENTICATED");
    assert!(expired["message"].as_str().unwrap().contains("refreshSession"), "{expired}");
    let third = api.data(REFRESH, json!({ "t": renewed["refreshToken"] })).await["refreshSession"].take();
    // The first token again, after the grace: a thief, and the family ends.
    assert_eq!(told(&api.error(REFRESH, json!({ "t": session["refreshToken"] })).await).0, "UNAUTHENTICATED");
    assert_eq!(told(&api.error(REFRESH, json!({ "t": third["refreshToken"] })).await).0, "UNAUTHENTICATED");
    let signed_in = api.with_token(third["accessToken"].as_str().unwrap());
    assert_eq!(told(&signed_in.error("{ viewer { user { id } } }", json!({})).await).0, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_the_session() {
    let running = start().await;
    let ada = running.ada().await;
    ada.data("{ viewer { user { id } } }", json!({})).await;
    let ended = ada.data("mutation { signOut { sessionId } }", json!({})).await;
    assert!(ended["signOut"]["sessionId"].as_str().unwrap().starts_with("ses_"));
    assert_eq!(told(&ada.error("{ viewer { user { id } } }", json!({})).await).0, "UNAUTHENTICATED");
    for token in ["", "x", "ey.ey.ey"] {
        let error = running.anonymous().with_token(token).error("{ viewer { user { id } } }", json!({})).await;
        assert_eq!(told(&error).0, "UNAUTHENTICATED", "{token}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_up_can_be_closed() {
    let running = start_with(Setup { sign_up: SignUp::Closed, ..Setup::default() }).await;
    assert_eq!(told(&running.anonymous().error(SIGN_UP, json!({ "i": ada() })).await).0, "FORBIDDEN");
}
