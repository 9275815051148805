//! GraphQL over WebSocket, subprotocol graphql-transport-ws
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).

mod connection;
mod protocol;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use platform::Peer;

use super::{Shell, http};
use protocol::Close;

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// A message, either way.
const MAX_MESSAGE: usize = 256 * 1_024;
/// Small, since most sockets only listen.
const READ_BUFFER: usize = 4 * 1_024;

pub(super) async fn upgrade(
    State(shell): State<Arc<Shell>>,
    uri: Uri,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return http::method_not_allowed(State(shell), uri).await };
    let upgrade = upgrade.read_buffer_size(READ_BUFFER).max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).protocols([SUBPROTOCOL]);
    let spoken = upgrade.selected_protocol().is_some();
    let open = shell.open.token();
    let ip = shell.client(&headers, peer.map(|peer| peer.0));
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let _open = open;
        if spoken {
            connection::run(shell, socket, ip).await;
        } else {
            close(&mut socket, Close::Subprotocol).await;
        }
    })
}

async fn close(socket: &mut WebSocket, reason: Close) {
    let (code, reason) = reason.frame();
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}
