//! The messages of graphql-transport-ws, and the reasons to close.

use serde::Deserialize;
use serde_json::json;

use super::http::Parameters;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientMessage {
    ConnectionInit {
        #[serde(default)]
        payload: Option<InitPayload>,
    },
    Ping {},
    Pong {},
    Subscribe {
        id: String,
        payload: Parameters,
    },
    Complete {
        id: String,
    },
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct InitPayload {
    /// `Bearer …`.
    #[serde(alias = "Authorization")]
    pub authorization: Option<String>,
}

/// What the server says.
#[derive(Debug)]
pub(super) enum ServerMessage {
    Ack,
    Ping,
    Pong,
    Next { id: String, payload: serde_json::Value },
    Error { id: String, errors: serde_json::Value },
    Complete { id: String },
}

impl ServerMessage {
    pub fn text(&self) -> String {
        match self {
            Self::Ack => json!({ "type": "connection_ack" }),
            Self::Ping => json!({ "type": "ping" }),
            Self::Pong => json!({ "type": "pong" }),
            Self::Next { id, payload } => json!({ "type": "next", "id": id, "payload": payload }),
            Self::Error { id, errors } => json!({ "type": "error", "id": id, "payload": errors }),
            Self::Complete { id } => json!({ "type": "complete", "id": id }),
        }
        .to_string()
    }
}

/// Why a socket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// The server stops; come again.
    GoingAway,
    BadMessage(&'static str),
    /// A subscribe before the ack.
    Unauthorized,
    /// The right to be open is missing or has ended; the reason says how.
    Forbidden(&'static str),
    Subprotocol,
    InitTimeout,
    Duplicate(String),
    TooManyInits,
    TooMany(&'static str),
}

impl Close {
    pub fn frame(&self) -> (u16, String) {
        match self {
            Self::GoingAway => (1001, "Server is stopping".into()),
            Self::BadMessage(reason) => (4400, (*reason).into()),
            Self::Unauthorized => (4401, "Unauthorized".into()),
            Self::Forbidden(reason) => (4403, (*reason).into()),
            Self::Subprotocol => (4406, "Subprotocol not acceptable".into()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".into()),
            Self::Duplicate(id) => (4409, format!("Subscriber for {} already exists", id.chars().take(64).collect::<String>())),
            Self::TooManyInits => (4429, "Too many initialisation requests".into()),
            Self::TooMany(what) => (4429, (*what).into()),
        }
    }
}
