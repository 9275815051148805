//! One socket from its init to its close. Operations run as tasks of their own and hand their
//! messages over through one bounded queue: a reader that does not take them holds up its own
//! operations and nothing else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Request;
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::super::answer::{answer, refusal};
use super::super::limits::check_document;
use super::super::{Admission, Shell};
use super::protocol::{ClientMessage, Close, InitPayload, ServerMessage};
use crate::caller::Caller;
use crate::schema::error::ErrorCode;
use crate::schema::rights;

const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence after which a ping is sent; as long again without a sign of life, and it is over.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Messages waiting to be written.
const QUEUE: usize = 64;
const MAX_OPERATIONS: usize = 50;
const MAX_SOCKETS: usize = 1_000;
const MAX_ID: usize = 128;

/// Ends the loop: with a close frame, or without where the other side is gone.
enum End {
    Close(Close),
    Gone,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

pub(super) async fn run(shell: Arc<Shell>, mut socket: WebSocket, ip: IpAddr) {
    if let End::Close(close) = talk(shell, &mut socket, ip).await {
        let _ = tokio::time::timeout(WRITE_TIMEOUT, super::close(&mut socket, close)).await;
    }
}

async fn talk(shell: Arc<Shell>, socket: &mut WebSocket, ip: IpAddr) -> End {
    let init = tokio::select! {
        init = tokio::time::timeout(INIT_TIMEOUT, read_init(socket)) => init.unwrap_or(Err(Close::InitTimeout.into())),
        () = shell.stopping.cancelled() => Err(Close::GoingAway.into()),
    };
    let caller = match init {
        Ok(init) => match shell.sessions.authenticate(init.authorization.as_deref(), ip).await {
            Ok(caller) => caller,
            Err(error) if matches!(error.code(), ErrorCode::Unauthenticated | ErrorCode::Forbidden) => {
                return Close::Forbidden("Forbidden").into();
            }
            Err(_) => return Close::GoingAway.into(),
        },
        Err(end) => return end,
    };
    let admission = match caller.workspace() {
        None => None,
        Some(workspace) => match shell.admit(workspace, MAX_SOCKETS) {
            Some(admission) => Some(admission),
            None => return Close::TooMany("Too many sockets of this workspace").into(),
        },
    };
    match write(socket, &ServerMessage::Ack).await {
        Ok(()) => Connection::new(shell, caller, admission).serve(socket).await,
        Err(end) => end,
    }
}

async fn read_init(socket: &mut WebSocket) -> Result<InitPayload, End> {
    loop {
        match read(socket).await? {
            Some(ClientMessage::ConnectionInit { payload }) => return Ok(payload.unwrap_or_default()),
            Some(ClientMessage::Ping {}) => write(socket, &ServerMessage::Pong).await?,
            Some(ClientMessage::Pong {}) | None => {}
            Some(ClientMessage::Subscribe { .. } | ClientMessage::Complete { .. }) => return Err(Close::Unauthorized.into()),
        }
    }
}

/// The next message; `None` for a frame of the transport's own.
async fn read(socket: &mut WebSocket) -> Result<Option<ClientMessage>, End> {
    match socket.recv().await {
        Some(Ok(Message::Text(text))) => {
            serde_json::from_str(&text).map(Some).map_err(|_| Close::BadMessage("Not a message of graphql-transport-ws").into())
        }
        Some(Ok(Message::Binary(_))) => Err(Close::BadMessage("Messages are text").into()),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
    }
}

async fn write(socket: &mut WebSocket, message: &ServerMessage) -> Result<(), End> {
    match tokio::time::timeout(WRITE_TIMEOUT, socket.send(Message::text(message.text()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

struct Connection {
    shell: Arc<Shell>,
    caller: Caller,
    _admission: Option<Admission>,
    running: HashMap<String, AbortHandle>,
    /// Aborts all operations when the connection ends.
    tasks: JoinSet<()>,
    out: mpsc::Sender<ServerMessage>,
    queue: mpsc::Receiver<ServerMessage>,
}

impl Connection {
    fn new(shell: Arc<Shell>, caller: Caller, admission: Option<Admission>) -> Self {
        let (out, queue) = mpsc::channel(QUEUE);
        Self { shell, caller, _admission: admission, running: HashMap::new(), tasks: JoinSet::new(), out, queue }
    }

    async fn serve(mut self, socket: &mut WebSocket) -> End {
        let (shell, caller) = (self.shell.clone(), self.caller.clone());
        let mut ended = std::pin::pin!(right_ended(&shell, &caller));
        let mut heard = Instant::now();
        let mut pinged = false;
        loop {
            let silence = heard + if pinged { KEEP_ALIVE * 2 } else { KEEP_ALIVE };
            let result = tokio::select! {
                message = read(socket) => {
                    heard = Instant::now();
                    pinged = false;
                    match message {
                        Ok(Some(message)) => self.hear(message, socket).await,
                        Ok(None) => Ok(()),
                        Err(end) => Err(end),
                    }
                }
                Some(message) = self.queue.recv() => self.say(message, socket).await,
                Some(_) = self.tasks.join_next() => Ok(()),
                reason = &mut ended => Err(Close::Forbidden(reason).into()),
                () = shell.stopping.cancelled() => Err(Close::GoingAway.into()),
                () = tokio::time::sleep_until(silence) => {
                    if pinged { Err(End::Gone) } else {
                        pinged = true;
                        write(socket, &ServerMessage::Ping).await
                    }
                }
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    async fn say(&mut self, message: ServerMessage, socket: &mut WebSocket) -> Result<(), End> {
        match &message {
            // What was completed by the client meanwhile is not told any more.
            ServerMessage::Next { id, .. } if !self.running.contains_key(id) => return Ok(()),
            ServerMessage::Error { id, .. } | ServerMessage::Complete { id } => {
                if self.running.remove(id).is_none() {
                    return Ok(());
                }
            }
            ServerMessage::Next { .. } | ServerMessage::Ack | ServerMessage::Ping | ServerMessage::Pong => {}
        }
        write(socket, &message).await
    }

    async fn hear(&mut self, message: ClientMessage, socket: &mut WebSocket) -> Result<(), End> {
        match message {
            ClientMessage::ConnectionInit { .. } => Err(Close::TooManyInits.into()),
            ClientMessage::Ping {} => write(socket, &ServerMessage::Pong).await,
            ClientMessage::Pong {} => Ok(()),
            ClientMessage::Complete { id } => {
                if let Some(task) = self.running.remove(&id) {
                    task.abort();
                }
                Ok(())
            }
            ClientMessage::Subscribe { id, .. } if id.is_empty() || id.len() > MAX_ID => {
                Err(Close::BadMessage("An operation's id has 1 to 128 characters").into())
            }
            ClientMessage::Subscribe { id, .. } if self.running.contains_key(&id) => Err(Close::Duplicate(id).into()),
            ClientMessage::Subscribe { .. } if self.running.len() >= MAX_OPERATIONS => {
                Err(Close::TooMany("Too many operations on this socket").into())
            }
            ClientMessage::Subscribe { id, payload } => {
                let operation = operate(self.shell.clone(), self.caller.clone(), id.clone(), payload.request(), self.out.clone());
                let task = self.tasks.spawn(operation);
                self.running.insert(id, task);
                Ok(())
            }
        }
    }
}

/// Ends when the caller may no longer have a socket, with the reason.
async fn right_ended(shell: &Shell, caller: &Caller) -> &'static str {
    match caller {
        Caller::Anonymous => std::future::pending().await,
        Caller::Key(key) => {
            shell.sessions.key_ended(key).await;
            "session-revoked"
        }
        Caller::Session(session) => {
            let left = u64::try_from(session.expires_at.0 - shell.clock.now().0).unwrap_or(0);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left)) => "token-expired",
                () = shell.sessions.ended(session) => "session-revoked",
            }
        }
    }
}

/// Runs one operation to its end. Sending waits while the queue is full.
async fn operate(shell: Arc<Shell>, caller: Caller, id: String, mut request: Request, out: mpsc::Sender<ServerMessage>) {
    if let Err(message) = check_document(&mut request, true) {
        let errors = refusal(ErrorCode::Validation, &message)["errors"].take();
        let _ = out.send(ServerMessage::Error { id, errors }).await;
        return;
    }
    if let Err(error) = rights::check(&caller, &mut request) {
        let errors = refusal(error.code(), &error.message())["errors"].take();
        let _ = out.send(ServerMessage::Error { id, errors }).await;
        return;
    }
    let request_id = shell.request_id();
    let mut responses = shell.schema.execute_stream(shell.prepare(request, caller, &request_id));
    let mut first = true;
    while let Some(response) = responses.next().await {
        let failed_to_start = first && response.data == async_graphql::Value::Null && !response.errors.is_empty();
        first = false;
        let mut body = answer(response, &request_id).body;
        if failed_to_start {
            let _ = out.send(ServerMessage::Error { id, errors: body["errors"].take() }).await;
            return;
        }
        if out.send(ServerMessage::Next { id: id.clone(), payload: body }).await.is_err() {
            return;
        }
    }
    let _ = out.send(ServerMessage::Complete { id }).await;
}
