//! What hyper refuses by itself: a head that it cannot read, or not whole. It answers with a status and
//! nothing else; here that answer gets what those of this program have, and a text that says which it was.
//!
//! hyper cannot be told to do so, nor to take an address with `"`, `<` or `>` in its query: that is in
//! the parser of addresses. So its answer is seen on its way to the socket. Of an answer that leads on
//! one byte is looked at.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::heads::Heads;

/// Where the status begins.
const STATUS: usize = "HTTP/1.1 ".len();
const NO_BODY: &[u8] = b"content-length: 0\r\n";
const UNREADABLE: &str = "This request cannot be read. In its address write characters such as \", < and > encoded, as %22, %3C and %3E; send each header on a line of its own, one Content-Length at most, and https only where it is served.\n";
const LENGTH: &str =
    "The Content-Length of this request is no number of bytes that can be sent. Send the body's length in bytes, in digits.\n";
/// Every answer of this program has it.
const SEAL: &[u8] = b"x-content-type-options";

/// A socket on which hyper's refusals are put into words, and what is read is kept for `heads`. Nothing
/// is written after a refusal.
#[derive(Debug)]
pub(crate) struct Worded<S> {
    socket: S,
    heads: Heads,
    /// What is still to be sent of a refusal.
    refusal: Vec<u8>,
}

impl<S> Worded<S> {
    pub fn new(socket: S, heads: Heads) -> Self {
        Self { socket, heads, refusal: Vec::new() }
    }

    pub fn into_inner(self) -> S {
        self.socket
    }
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.refusal))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        self.heads.came(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.get(STATUS) == Some(&b'4')
            && let Some(refusal) = worded(bytes, &self.heads)
        {
            self.refusal = refusal;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// The same refusal in words; `None` for any other answer.
fn worded(answer: &[u8], heads: &Heads) -> Option<Vec<u8>> {
    let is_head_alone = answer.starts_with(b"HTTP/1.") && answer.ends_with(b"\r\n\r\n");
    let status = answer.get(STATUS..STATUS + 3).filter(|_| is_head_alone)?;
    let (reason, text) = match status {
        // hyper calls the head too large of a body that is.
        b"400" | b"431" if heads.have_no_length() => ("400 Bad Request", LENGTH),
        b"400" => ("400 Bad Request", UNREADABLE),
        b"414" => ("414 URI Too Long", "The address of this request is too long.\n"),
        b"431" => ("431 Request Header Fields Too Large", "The head of this request has more than 32 KiB or 100 fields. Send less.\n"),
        _ => return None,
    };
    let at = find(answer, NO_BODY).filter(|_| find(answer, SEAL).is_none())?;
    let fields = find(answer, b"\r\n")? + 2;
    let own = format!(
        "content-type: text/plain; charset=utf-8\r\ncache-control: private, no-store\r\nx-content-type-options: nosniff\r\ncontent-length: {}\r\n",
        text.len()
    );
    let line = [&answer[..STATUS], reason.as_bytes(), b"\r\n"].concat();
    Some([&line, &answer[fields..at], own.as_bytes(), &answer[at + NO_BODY.len()..], text.as_bytes()].concat())
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What arrives of these bytes through a socket that takes few at a time.
    async fn arrived(bytes: &[u8]) -> String {
        let (near, mut far) = tokio::io::duplex(7);
        let mut near = Worded::new(near, Heads::default());
        let send = async {
            near.write_all(bytes).await.unwrap();
            near.flush().await.unwrap();
            near.shutdown().await.unwrap();
        };
        let mut text = String::new();
        let (_, read) = tokio::join!(send, far.read_to_string(&mut text));
        read.unwrap();
        text
    }

    #[tokio::test]
    async fn only_a_refusal_without_words_is_changed() {
        let refusal = arrived(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: now\r\n\r\n").await;
        let (head, text) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain") && head.ends_with("\r\ndate: now"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", text.len())) && text.contains("%22"), "{refusal}");
        for answer in [
            "HTTP/1.1 400 Bad Request\r\nx-content-type-options: nosniff\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 302 Found\r\nlocation: x\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nabc",
            "HTTP/1.1 4",
        ] {
            assert_eq!(arrived(answer.as_bytes()).await, answer);
        }
    }
}
