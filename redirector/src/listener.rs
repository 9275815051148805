//! Sockets and threads: one single-threaded runtime per core, each with a socket of its own on the
//! same address, so that a request stays on one core from accept to answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use platform::{BindError, ClientIp, Lifecycle, Moving, Refusals, Room, bind_reuse_port};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::RedirectorOptions;
use crate::answer;
use crate::heads::{Heads, MAX_HEAD};
use crate::message::{self, Malformed};
use crate::refused::Worded;
use crate::service::Service;

/// Open connections per thread, where the limit of open files allows; one more waits to be accepted.
const MAX_CONNECTIONS: usize = 16_384;
/// At most, for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long, and for how many bytes, a connection that is closed waits for the other end.
const LINGER: Duration = Duration::from_secs(1);
const MAX_UNREAD: usize = 256 * 1_024;
/// How long a stop waits for requests under way; the last sweep of permits comes after it.
const DRAIN: Duration = Duration::from_secs(4);

/// An address that is listened on.
pub(crate) struct Port {
    /// The setting that it came from.
    pub variable: &'static str,
    pub listen: SocketAddr,
    /// None for plain HTTP.
    pub tls: Option<TlsAcceptor>,
}

/// `threads` tracks those that are started, until they have drained.
pub(crate) fn start(
    options: &RedirectorOptions,
    port: Port,
    service: &Arc<Service>,
    refusals: &Refusals,
    threads: &TaskTracker,
    lifecycle: &Lifecycle,
) -> Result<SocketAddr, BindError> {
    let listeners = bind_reuse_port(port.variable, port.listen, options.threads)?;
    let address = listeners.first().and_then(|listener| listener.local_addr().ok()).unwrap_or(port.listen);
    // Half of all files, by threads and ports.
    let ports = 1 + usize::from(options.tls.is_some());
    let parts = 2 * ports * options.threads;
    let kind = if port.tls.is_some() { "tls" } else { "redirect" };
    for (index, listener) in listeners.into_iter().enumerate() {
        let (service, stopping) = (service.clone(), lifecycle.stopping().clone());
        let times = Times { head: options.header_timeout, write: options.write_timeout };
        let client_ip = ClientIp::new(options.trusted_proxies.clone());
        let (tls, (ended, end)) = (port.tls.clone(), oneshot::channel());
        let room = Room::new(parts, MAX_CONNECTIONS, client_ip, refusals.clone());
        let thread = std::thread::Builder::new().name(format!("{kind}-{index}")).spawn(move || {
            let _ = ended.send(run(listener, tls, service, &stopping, times, room));
        });
        let drained = async move {
            thread?;
            end.await.map_err(std::io::Error::other)?
        };
        lifecycle.spawn("redirector", threads.track_future(drained));
    }
    Ok(address)
}

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// For a request's head.
    head: Duration,
    /// To read any of an answer that waits.
    write: Duration,
}

fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: Arc<Service>,
    stopping: &CancellationToken,
    times: Times,
    room: Room,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(times.head).max_buf_size(MAX_HEAD).max_header_size(MAX_HEAD).writev(false);
        let tracker = TaskTracker::new();
        while let Some((socket, peer)) = accept(&listener, &room, stopping).await {
            let Some(place) = room.enter(peer.ip()).await else { continue };
            let (http, tls, service, stopping) = (http.clone(), tls.clone(), service.clone(), stopping.clone());
            let _ = socket.set_nodelay(true);
            let socket = Moving::new(socket, times.write);
            tracker.spawn(async move {
                match tls {
                    None => serve(&http, service, socket, Peer { ip: peer.ip(), encrypted: false }, &stopping).await,
                    Some(tls) => {
                        // Whoever does not finish the handshake has the time of a request's head for it.
                        if let Ok(Ok(socket)) = tokio::time::timeout(times.head.min(HANDSHAKE), tls.accept(socket)).await {
                            serve(&http, service, socket, Peer { ip: peer.ip(), encrypted: true }, &stopping).await;
                        }
                    }
                }
                drop(place);
            });
        }
        drop(listener);
        tracker.close();
        let _ = tokio::time::timeout(DRAIN, tracker.wait()).await;
        Ok(())
    })
}

/// The next connection; `None` when a stop is asked for.
async fn accept(listener: &tokio::net::TcpListener, room: &Room, stopping: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return None,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => room.failed(&error).await,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Peer {
    ip: IpAddr,
    encrypted: bool,
}

async fn serve<S>(http: &http1::Builder, service: Arc<Service>, socket: S, peer: Peer, stopping: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let heads = Heads::default();
    let answer = |request: Request<Incoming>| {
        let service = service.clone();
        // Asked before any more is read.
        let has_two_ends = message::has_coded_body(&request) && heads.have_two_ends();
        let (head, mut body) = request.into_parts();
        small(async move {
            let answer = match has_two_ends {
                true => answer::malformed(Malformed::TwoEnds),
                false => service.answer(peer.ip, peer.encrypted, &head, &mut body).await,
            };
            Ok::<_, Infallible>(answer::sealed(answer))
        })
    };
    let mut connection = http.serve_connection(TokioIo::new(Worded::new(socket, heads.clone())), service_fn(answer));
    let result = tokio::select! {
        result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => result,
        () = stopping.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    if let Err(error) = result {
        tracing::trace!(%error, "a connection ended with an error");
    }
    let _ = tokio::time::timeout(LINGER, close(connection.into_parts().io.into_inner().into_inner())).await;
}

/// What is made for each request is small enough for the allocator to hand the same piece out again and
/// again; a larger one it looks for.
fn small<F: Future>(future: F) -> Pin<Box<F>> {
    const { assert!(size_of::<F>() <= 1_024, "the future of a request has grown") };
    Box::pin(future)
}

/// Lets the other end read the last answer: closed with bytes that nobody has read, a connection is
/// reset, and the answer that refuses them is lost on its way.
async fn close<S>(mut socket: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if socket.shutdown().await.is_err() {
        return;
    }
    let mut unread = [0; 1_024];
    let mut left = MAX_UNREAD;
    while left > 0 {
        match socket.read(&mut unread).await {
            Ok(0) | Err(_) => return,
            Ok(read) => left = left.saturating_sub(read),
        }
    }
}
