//! What hyper does not say of a request's head: a Content-Length that it passed over beside a
//! Transfer-Encoding, and one that it cannot count with. Both are looked for in the bytes that came last,
//! and only where they matter; of an ordinary redirect the bytes are only copied.
//!
//! What is kept always covers the head that hyper reads. It asks for more only while less than
//! [`MAX_HEAD`] lies unread with it, so a head is within that many bytes and the latest ones. And no
//! part of a head lies before an empty line that ends what came so far: there a head would end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request's head, all of it.
pub(crate) const MAX_HEAD: usize = 32 * 1_024;
/// hyper's own bound, below the largest number.
const MAX_LENGTH: u64 = u64::MAX - 2;
/// Room that a connection keeps from one request to the next.
const KEPT: usize = 4 * 1_024;
const CODING: &[u8] = b"transfer-encoding:";
const LENGTH: &[u8] = b"content-length:";

/// The latest bytes of a connection. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads(Arc<Mutex<Vec<u8>>>);

impl Heads {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More came.
    pub fn came(&self, more: &[u8]) {
        let mut bytes = self.bytes();
        if bytes.ends_with(b"\r\n\r\n") {
            bytes.clear();
            bytes.shrink_to(KEPT);
        } else if bytes.len() > 2 * MAX_HEAD {
            let older = bytes.len() - MAX_HEAD;
            bytes.drain(..older);
        }
        bytes.extend_from_slice(more);
    }

    /// Whether the head that was read last, which has a Transfer-Encoding, may have a Content-Length as
    /// well. Lines without an empty one between them count as one head.
    pub fn have_two_ends(&self) -> bool {
        let (mut has_coding, mut has_length) = (false, false);
        for line in lines(&self.bytes()) {
            if line.is_empty() {
                (has_coding, has_length) = (false, false);
            }
            has_coding |= is_field(line, CODING);
            has_length |= is_field(line, LENGTH);
            if has_coding && has_length {
                return true;
            }
        }
        false
    }

    /// Whether there is a Content-Length that is no number, or too large a one.
    pub fn have_no_length(&self) -> bool {
        let is_length =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse().is_ok_and(|length: u64| length <= MAX_LENGTH);
        let bytes = self.bytes();
        let mut lengths = lines(&bytes).filter(|line| is_field(line, LENGTH)).map(|line| line[LENGTH.len()..].trim_ascii());
        lengths.any(|length| !std::str::from_utf8(length).is_ok_and(is_length))
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// No space is allowed before the colon; hyper refuses it.
fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(parts: &[&[u8]]) -> Heads {
        let heads = Heads::default();
        parts.iter().for_each(|part| heads.came(part));
        heads
    }

    const POST: &[u8] = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nX: a\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn both_are_seen_however_the_head_comes() {
        for at in 0..POST.len() {
            for before in ["", "GET /b HTTP/1.1\r\n\r\n", "POST /c HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "\r\n\r\n", "x"] {
                let (first, second) = POST.split_at(at);
                assert!(after(&[&[before.as_bytes(), first].concat(), second]).have_two_ends(), "{at} {before}");
                assert!(after(&[before.as_bytes(), first, second]).have_two_ends(), "{at} {before}");
            }
        }
        let bytes: Vec<&[u8]> = POST.chunks(1).collect();
        assert!(after(&bytes).have_two_ends());
        assert!(after(&[b"POST / HTTP/1.1\ntransfer-encoding: chunked\nCONTENT-LENGTH:3\n\n0\r\n\r\n"]).have_two_ends());
    }

    #[test]
    fn two_of_two_requests_are_not_one_with_both() {
        let (sized, chunked) = ("POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(!after(&[sized.as_bytes(), chunked.as_bytes()]).have_two_ends());
        assert!(!after(&[format!("{sized}{chunked}").as_bytes()]).have_two_ends());
        assert!(!after(&[format!("{chunked}0\r\n\r\n{sized}").as_bytes()]).have_two_ends());
    }

    #[test]
    fn the_longest_head_is_kept_and_little_else() {
        let filler = [b'x'; 4_000];
        let heads = after(&[&filler[..]; 40]);
        assert!(heads.bytes().len() <= 2 * MAX_HEAD + 2 * filler.len());
        // As much as hyper lets lie unread, and then the end of the head.
        let begun = [b"\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\nX: ", &[b'a'; MAX_HEAD - 100][..]].concat();
        begun.chunks(100).for_each(|part| heads.came(part));
        heads.came(b"\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(heads.have_two_ends());
        heads.came(b"GET / HTTP/1.1\r\n\r\n");
        assert!(heads.bytes().len() < 100 && heads.bytes().capacity() <= KEPT);
    }

    #[test]
    fn lengths_are_numbers_that_can_be_counted_with() {
        for (length, is) in
            [("3", true), (" 18446744073709551613 ", true), ("18446744073709551614", false), ("99999999999999999999", false)]
        {
            assert_eq!(!after(&[format!("GET / HTTP/1.1\r\ncontent-length:{length}\r\n\r\n").as_bytes()]).have_no_length(), is, "{length}");
        }
        assert!(after(&[b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n"]).have_no_length());
    }
}
