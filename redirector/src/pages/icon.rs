//! The icon of the short domain: the product's mark, drawn once.

use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use super::qr::{Grid, MARK, png};
use crate::answer::Answer;

const SIZE: u32 = 32;
const INK: [u8; 3] = [0x2f, 0x6f, 0xd0];
const PAPER: [u8; 3] = [0xff, 0xff, 0xff];

static ICON: LazyLock<Bytes> = LazyLock::new(|| png(&Grid::of_mark(&MARK), SIZE, INK, PAPER).unwrap_or_default().into());

pub(crate) fn icon() -> Answer {
    let mut answer = Response::new(Full::new(ICON.clone()));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    answer
}
