//! A GraphQL client as a front-end would be one: HTTP with JSON, and graphql-transport-ws.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

#[derive(Clone, Debug)]
pub struct GraphQl {
    http: reqwest::Client,
    /// `host:port`
    authority: String,
    token: Option<String>,
}

impl GraphQl {
    pub fn new(authority: impl Into<String>) -> Self {
        Self { http: reqwest::Client::new(), authority: authority.into(), token: None }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// What it is signed in with.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The whole response, errors included.
    ///
    /// # Errors
    /// When there is no response, or it is no JSON.
    pub async fn try_send(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let mut request = self.http.post(format!("http://{}/graphql", self.authority)).timeout(Duration::from_secs(20));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.json(&json!({ "query": query, "variables": variables })).send().await?;
        Ok(response.json().await?)
    }

    /// The whole response, errors included.
    ///
    /// # Panics
    /// When there is no response.
    pub async fn send(&self, query: &str, variables: Value) -> Value {
        self.try_send(query, variables).await.expect("a response")
    }

    /// The data of a request that must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let mut response = self.send(query, variables).await;
        assert!(response.get("errors").is_none(), "{query}\n{response:#}");
        response["data"].take()
    }

    /// The first error of a request that must fail.
    ///
    /// # Panics
    /// When it does not.
    pub async fn error(&self, query: &str, variables: Value) -> Value {
        let mut response = self.send(query, variables).await;
        assert!(response["errors"].is_array(), "{query}\n{response:#}");
        response["errors"][0].take()
    }

    /// Signs up a user of that name with a workspace, and returns a client with its token.
    ///
    /// # Panics
    /// When that fails.
    pub async fn sign_up(&self, name: &str) -> Self {
        let query = "mutation($i: SignUpInput!) { signUp(input: $i) { accessToken } }";
        let input = json!({ "email": format!("{name}@example.com"), "password": "correct horse battery", "workspaceName": name });
        let data = self.data(query, json!({ "i": input })).await;
        self.with_token(data["signUp"]["accessToken"].as_str().expect("a token"))
    }

    /// Signs in a user that [`GraphQl::sign_up`] made.
    ///
    /// # Panics
    /// When that fails.
    pub async fn sign_in(&self, name: &str) -> Self {
        let query = "mutation($i: SignInInput!) { signIn(input: $i) { accessToken } }";
        let input = json!({ "email": format!("{name}@example.com"), "password": "correct horse battery" });
        let data = self.data(query, json!({ "i": input })).await;
        self.with_token(data["signIn"]["accessToken"].as_str().expect("a token"))
    }

    /// Makes a link; further input fields in `more`.
    ///
    /// # Panics
    /// When that fails.
    pub async fn create_link(&self, target: &str, more: Value) -> Value {
        let mut input = json!({ "targetUrl": target });
        input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let query = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id slug shortUrl version } } }";
        self.data(query, json!({ "i": input })).await["createLink"]["link"].take()
    }

    /// Opens a socket with this client's token and starts one subscription.
    ///
    /// # Panics
    /// When the socket is refused.
    pub async fn subscribe(&self, query: &str, variables: Value) -> Subscription {
        let mut socket = Subscription::open(&self.authority).await;
        let payload = self.token.as_ref().map_or(json!({}), |token| json!({ "authorization": format!("Bearer {token}") }));
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.receive().await.expect("an ack")["type"], "connection_ack");
        socket.send(json!({ "type": "subscribe", "id": "1", "payload": { "query": query, "variables": variables } })).await;
        socket
    }
}

/// A socket that speaks graphql-transport-ws.
#[derive(Debug)]
pub struct Subscription {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Subscription {
    /// A socket before its init.
    ///
    /// # Panics
    /// When the upgrade is refused.
    pub async fn open(authority: &str) -> Self {
        Self::open_with(authority, &[("sec-websocket-protocol", "graphql-transport-ws")]).await.expect("an upgrade")
    }

    /// A socket with these headers.
    ///
    /// # Errors
    /// When the upgrade is refused.
    pub async fn open_with(authority: &str, headers: &[(&'static str, &str)]) -> anyhow::Result<Self> {
        let mut request = format!("ws://{authority}/graphql").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Self { socket })
    }

    /// # Panics
    /// When the socket is closed.
    pub async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.expect("an open socket");
    }

    /// The next message; the code and reason once the socket is closed.
    ///
    /// # Errors
    /// The close frame's code and reason.
    ///
    /// # Panics
    /// When nothing comes in 20 seconds.
    pub async fn receive(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await.expect("a message in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] == "ping" {
                        self.send(json!({ "type": "pong" })).await;
                        continue;
                    }
                    return Ok(message);
                }
                Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Err((1006, String::new())),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The data of the next event.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn next(&mut self) -> Value {
        let mut message = self.receive().await.expect("an event");
        assert_eq!(message["type"], "next", "{message:#}");
        message["payload"]["data"].take()
    }
}
