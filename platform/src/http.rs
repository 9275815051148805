//! HTTP listeners for routers: hyper with bounds on connections, on the time for a request's head
//! and on the time that an answer waits to be read, which axum's own does not have.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::{ClientIp, Moving, Refusals, Room};

const MAX_CONNECTIONS: usize = 20_000;
/// API and operations get a quarter of all files each; the redirector has the rest.
const PARTS: usize = 4;
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer may wait for its reader to take any of it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HEAD: usize = 32 * 1_024;
/// How long a stop waits for requests and sockets.
const DRAIN: Duration = Duration::from_secs(4);

/// Who is at the other end of a request's connection, in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Serves until the stop. `client_ip` tells whose connections may be those of many visitors.
///
/// # Errors
/// Never.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    client_ip: ClientIp,
    refusals: Refusals,
    stopping: CancellationToken,
) -> Result<(), Infallible> {
    let (tracker, room) = (TaskTracker::new(), Room::new(PARTS, MAX_CONNECTIONS, client_ip, refusals));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                let Some(place) = room.enter(peer.ip()).await else { continue };
                let (router, stopping) = (router.clone(), stopping.clone());
                tracker.spawn(async move {
                    connection(socket, Peer(peer.ip()), router, stopping).await;
                    drop(place);
                });
            }
            Err(error) => room.failed(&error).await,
        }
    }
    tracker.close();
    let _ = tokio::time::timeout(DRAIN, tracker.wait()).await;
    Ok(())
}

async fn connection(socket: TcpStream, peer: Peer, router: Router, stopping: CancellationToken) {
    let _ = socket.set_nodelay(true);
    let answer = |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request.map(Body::new))
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD).max_header_size(MAX_HEAD);
    let socket = TokioIo::new(Moving::new(socket, WRITE_TIMEOUT));
    let mut connection = std::pin::pin!(http.serve_connection(socket, service_fn(answer)).with_upgrades());
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::trace!(%error, "a connection ended with an error");
    }
}
