//! Listening sockets, with an error that says what to do when the address cannot be had.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// What the kernel takes of answers that nobody reads, for each connection; it reserves twice as much. A
/// waiting write goes on once a third of that was read, so it must not grow with the connection.
const SEND_BUFFER: usize = 128 * 1_024;
/// How long an end that is gone, or that takes nothing, keeps a connection in the kernel, one that was
/// closed here included.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{variable} is {address}, and that address cannot be listened on ({reason}). {advice}")]
pub struct BindError {
    variable: &'static str,
    address: SocketAddr,
    reason: std::io::Error,
    advice: &'static str,
}

impl BindError {
    fn new(variable: &'static str, address: SocketAddr, reason: std::io::Error) -> Self {
        let advice = match reason.kind() {
            std::io::ErrorKind::AddrInUse => "Stop the program that uses it, or set another address.",
            std::io::ErrorKind::AddrNotAvailable => "Set an address of this machine, or 0.0.0.0 for all of them.",
            std::io::ErrorKind::PermissionDenied => "Set a port of 1024 or above, or grant the right to use this one.",
            _ => "Set another address.",
        };
        Self { variable, address, reason, advice }
    }
}

/// Listens on `address`, which `variable` set.
///
/// # Errors
/// [`BindError`] with the reason and what to do.
pub fn bind(variable: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    open(address, false).and_then(TcpListener::from_std).map_err(|reason| BindError::new(variable, address, reason))
}

/// `count` sockets that share one address (SO_REUSEPORT), one for each thread that accepts. The
/// first is bound alone for a moment, so that a port used by another program is still an error.
///
/// # Errors
/// [`BindError`] with the reason and what to do.
pub fn bind_reuse_port(variable: &'static str, address: SocketAddr, count: usize) -> Result<Vec<std::net::TcpListener>, BindError> {
    let fail = |reason| BindError::new(variable, address, reason);
    let probe = open(address, false).map_err(fail)?;
    let address = probe.local_addr().map_err(fail)?;
    drop(probe);
    (0..count.max(1)).map(|_| open(address, true).map_err(fail)).collect()
}

fn open(address: SocketAddr, reuse_port: bool) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    // Connections have what their listener has.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    socket.bind(&address.into())?;
    socket.listen(4_096)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn connections_have_what_their_listener_has() {
        let listener = bind("LISTEN", ([127, 0, 0, 1], 0).into()).unwrap();
        let (_near, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (socket, _) = accepted.unwrap();
        let socket = SockRef::from(&socket);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * SEND_BUFFER);
        assert!(socket.tcp_nodelay().unwrap());
    }
}
