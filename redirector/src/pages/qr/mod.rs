//! A link's QR code, as SVG or PNG. It encodes the short URL with a marker, by which a scan makes
//! itself known and counts as a source; nothing is looked up but the link. Drawing happens away from
//! the threads that answer, and takes a size that is bounded.

mod draw;
mod order;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use domain::{Invalid, QR_MARKER};
use fast_qr::QRBuilder;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};
use tokio::runtime::Handle;

pub(super) use draw::{Grid, MARK, png};
pub(crate) use order::{Format, Order};

use crate::answer::{Answer, PAGE_POLICY, Page, page};

/// A code changes only with its order, which is in its address.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// Raised when drawing changes.
const RECIPE: u8 = 1;

/// The code of `short_url`, drawn on `main`'s threads.
pub(crate) async fn qr_code(short_url: &str, order: Result<Order, Invalid>, headers: &HeaderMap, main: &Handle) -> Answer {
    let order = match order {
        Ok(order) => order,
        Err(invalid) => return refused(&invalid),
    };
    let text = format!("{short_url}?{QR_MARKER}");
    let tag = tag(&text, &order);
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes() || known == "*") {
        return image(StatusCode::NOT_MODIFIED, Bytes::new(), &order, tag);
    }
    let work = move || drawn(&text, &order);
    match main.spawn_blocking(work).await {
        Ok(Ok(bytes)) => image(StatusCode::OK, bytes.into(), &order, tag),
        Ok(Err(invalid)) => refused(&invalid),
        Err(_) => page(Page::Unavailable),
    }
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
