//! A link's QR code, as SVG or PNG. It encodes the short URL with a marker, by which a scan makes
//! itself known and counts as a source; nothing is looked up but the link. Drawing happens away from
//! the threads that answer, and takes a size that is bounded.

mod draw;
mod order;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use domain::{Invalid, QR_MARKER};
use fast_qr::QRBuilder;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub(super) use draw::{Grid, MARK, png};
pub(crate) use order::{Format, Order};

use crate::answer::{Answer, PAGE_POLICY, Page, page};

/// A code changes only with its order, which is in its address.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// Raised when drawing changes.
const RECIPE: u8 = 1;

/// Drawn at a time.
const AT_ONCE: usize = 2;
/// How long an order waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where codes are drawn, a few at a time; clones share the turns.
#[derive(Clone, Debug)]
pub(crate) struct Drawing {
    main: Handle,
    turns: Arc<Semaphore>,
}

impl Drawing {
    /// Must be made on the main runtime, whose threads draw.
    pub fn new() -> Self {
        Self { main: Handle::current(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// None where it does not come to it in time.
    async fn draw(&self, text: String, order: Order) -> Option<Result<Vec<u8>, Invalid>> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await.ok()?.ok()?;
        let work = move || {
            let _turn = turn;
            drawn(&text, &order)
        };
        self.main.spawn_blocking(work).await.ok()
    }
}

/// The code of `short_url`.
pub(crate) async fn qr_code(short_url: &str, order: Result<Order, Invalid>, headers: &HeaderMap, drawing: &Drawing) -> Answer {
    let order = match order {
        Ok(order) => order,
        Err(invalid) => return refused(&invalid),
    };
    let text = format!("{short_url}?{QR_MARKER}");
    let tag = tag(&text, &order);
    if is_known(headers, &tag) {
        return image(StatusCode::NOT_MODIFIED, Bytes::new(), &order, tag);
    }
    match drawing.draw(text, order).await {
        Some(Ok(bytes)) => image(StatusCode::OK, bytes.into(), &order, tag),
        Some(Err(invalid)) => refused(&invalid),
        None => page(Page::Unavailable),
    }
}

/// Whether whoever asks has this code already. A proxy that packs answers marks tags as weak.
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    known.map(<[u8]>::trim_ascii).any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
}

fn drawn(text: &str, order: &Order) -> Result<Vec<u8>, Invalid> {
    let code = QRBuilder::new(text).ecl(order.level.into()).build();
    let code = code.map_err(|_| order.too_much())?;
    let mut grid = Grid::of_code(&code);
    if order.logo {
        grid.put_mark();
    }
    let grid = grid.with_margin(order.margin);
    order.check_side(grid.side())?;
    match order.format {
        Format::Svg => Ok(draw::svg(&grid, order.size, order.ink, order.paper).into_bytes()),
        Format::Png => png(&grid, order.size, order.ink, order.paper).map_err(|_| order.too_much()),
    }
}

fn tag(text: &str, order: &Order) -> HeaderValue {
    let hash = digest(&SHA256, format!("{RECIPE} {text} {order:?}").as_bytes());
    let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

fn image(status: StatusCode, bytes: Bytes, order: &Order, tag: HeaderValue) -> Answer {
    let mut answer = Response::new(Full::new(bytes));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    if status == StatusCode::OK {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(order.format.media_type()));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    }
    headers.insert(CACHE_CONTROL, CACHED);
    headers.insert(ETAG, tag);
    answer
}

/// Says all that is wrong, a line for each.
fn refused(invalid: &Invalid) -> Answer {
    let lines: String = invalid.0.iter().map(|issue| format!("{}: {}\n", issue.path, issue.message)).collect();
    let mut answer = Response::new(Full::new(Bytes::from(lines)));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
