//! What is taken out of a URL's query before it is kept.

use std::collections::HashSet;

use url::form_urlencoded;

use crate::Utm;
use crate::query::{is_qr_marker, parameter_key, query_of};

/// The names in a URL's query that may not be kept, decoded: all of them, also those which a click has no room
/// for. Campaign fields and the mark of a QR code always may; `passes` is asked of the others as clicks have them.
pub fn names_to_drop(url: &str, passes: impl Fn(&str) -> bool) -> HashSet<String> {
    let may_stay = |key: &str, value: &str| {
        let is_campaign = Utm::default().meant(key).is_some();
        is_campaign || is_qr_marker(key, value) || passes(&parameter_key(key))
    };
    let pairs = form_urlencoded::parse(query_of(url).as_bytes());
    pairs.filter(|(key, value)| !may_stay(key, value)).map(|(key, _)| key.into_owned()).collect()
}

/// A URL without the parameters of these names, but for the mark of a QR code; what stays is as it was written.
pub fn without_parameters(url: &str, names: &HashSet<String>) -> String {
    rewritten(url, |pair| (!is_named(pair, names)).then_some(pair))
}

/// A URL whose parameters of these names have no values; what stays is as it was written.
pub fn without_values(url: &str, names: &HashSet<String>) -> String {
    rewritten(url, |pair| if is_named(pair, names) { pair.split('=').next() } else { Some(pair) })
}

fn is_named(pair: &str, names: &HashSet<String>) -> bool {
    let read = form_urlencoded::parse(pair.as_bytes()).next();
    read.is_some_and(|(key, value)| names.contains(&*key) && !is_qr_marker(&key, &value))
}

/// A URL with what becomes of each part of its query.
fn rewritten<'a>(url: &'a str, part: impl Fn(&'a str) -> Option<&'a str>) -> String {
    let (before, fragment) = url.split_once('#').map_or((url, None), |(before, fragment)| (before, Some(fragment)));
    let Some((path, query)) = before.split_once('?') else { return url.to_owned() };
    let query: Vec<&str> = query.split('&').filter_map(part).collect();
    let mut cleaned = path.to_owned();
    if !query.is_empty() {
        cleaned.push('?');
        cleaned.push_str(&query.join("&"));
    }
    if let Some(fragment) = fragment {
        cleaned.push('#');
        cleaned.push_str(fragment);
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_code_stays_beside_what_has_its_name() {
        let url = "http://x/abc?qr=1&qr=2";
        assert_eq!(without_parameters(url, &names_to_drop(url, |_| false)), "http://x/abc?qr=1");
    }
}
