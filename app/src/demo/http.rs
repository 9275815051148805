//! Requests written by hand, so that headers go out in the order and spelling of a browser.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::Context;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::visit::Visit;

/// The body of the answer.
pub(super) async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> anyhow::Result<String> {
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(format!("{request}\r\n{body}").as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
    Ok(body.to_owned())
}

/// Opens a short link as a browser behind a proxy that names the visitor's address.
pub(super) async fn open(address: SocketAddr, visit: &Visit) -> anyhow::Result<()> {
    let mut request = format!("{} {} HTTP/1.1\r\nHost: {address}\r\n", visit.method.as_str(), visit.path);
    for (name, value) in &visit.headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let _ = write!(request, "X-Forwarded-For: {}\r\n\r\n", visit.ip);
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(request.as_bytes()).await?;
    // The head is enough; whoever is redirected goes elsewhere.
    let mut head = [0; 1_024];
    let read = socket.read(&mut head).await?;
    anyhow::ensure!(head[..read].starts_with(b"HTTP/1.1 "), "no HTTP answer");
    Ok(())
}
