//! What tells visitors apart, without a cookie and for one day only, or by the id they consented to.
//!
//! Recipe 1, after the design's chapter on counting:
//!
//! ```text
//! key  = hex(first 16 bytes of HMAC-SHA-256(salt, workspace ‖ family ‖ address ‖ user agent))
//! salt = 32 random bytes of the workspace's local day, destroyed within 48 hours of its beginning
//! workspace = 16 bytes; family = one byte, 4 or 6
//! address   = the 4 bytes of an IPv4 address, also where it came as ::ffff:a.b.c.d, or the first 8 of an
//!             IPv6 one, since one household or device has a /64 (RFC 6177, RFC 8981)
//! user agent = as captured, empty where there was none
//! ```
//! So people behind one address with the same browser are one visitor, and who changes network or browser
//! is another. Without the salt nobody can find the address by trying all of them, and the same visitor has
//! another key the next day and in every other workspace. 128 bits keep two of a day's visitors apart.
//!
//! Recipe 2 is the first-party id of a visitor who consented, as it came.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use domain::{Address, CapturedClick, DaySalt, VisitorKey, WorkspaceId};

pub const RECIPE_OF_DAY: i16 = 1;
pub const RECIPE_CONSENTED: i16 = 2;

/// In bytes, before it is written as text.
const KEY_BYTES: usize = 16;

/// Who this click is of, where visitors of it may be told apart
/// ([`crate::may_tell_visitors_apart`]) and the click still says so.
pub fn visitor(captured: &CapturedClick, salt: Option<&DaySalt>) -> Option<VisitorKey> {
    let consented = captured.signals.consent.as_ref().filter(|consent| consent.given).and_then(|consent| consent.visitor.clone());
    if let Some(key) = consented {
        return Some(VisitorKey { key, recipe: RECIPE_CONSENTED });
    }
    match &captured.address {
        Address::Unknown => None,
        Address::Full(ip) => Some(visitor_of_day(salt?, captured.workspace, *ip, captured.user_agent.as_deref())),
        Address::Reduced(reduced) => reduced.visitor.clone(),
    }
}

/// By recipe 1.
pub fn visitor_of_day(salt: &DaySalt, workspace: WorkspaceId, ip: IpAddr, user_agent: Option<&str>) -> VisitorKey {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &salt.0));
    context.update(workspace.0.as_bytes());
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            context.update(&[4]);
            context.update(&ip.octets());
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            context.update(&[6]);
            [a, b, c, d].iter().for_each(|segment| context.update(&segment.to_be_bytes()));
        }
    }
    context.update(user_agent.unwrap_or_default().as_bytes());
    let tag = context.sign();
    let mut key = String::with_capacity(2 * KEY_BYTES);
    for byte in tag.as_ref().iter().take(KEY_BYTES) {
        key.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    VisitorKey { key, recipe: RECIPE_OF_DAY }
}

#[cfg(test)]
mod tests {
    use domain::Millis;

    use super::*;

    fn key(salt: u8, workspace: u8, ip: &str, agent: Option<&str>) -> String {
        let workspace = WorkspaceId::new(Millis(1), [workspace; 10]);
        visitor_of_day(&DaySalt([salt; 32]), workspace, ip.parse().unwrap(), agent).key
    }

    #[test]
    fn the_recipe_is_that_of_any_hmac_sha_256() {
        // Python: hmac.digest(b"\x07" * 32, uuid.bytes + b"\x04" + bytes([203, 0, 113, 77]) + b"Mozilla/5.0", "sha256")[:16].hex()
        // with the workspace's id 00000000-0001-7101-8101-010101010101.
        assert_eq!(WorkspaceId::new(Millis(1), [1; 10]).0.to_string(), "00000000-0001-7101-8101-010101010101");
        assert_eq!(key(7, 1, "203.0.113.77", Some("Mozilla/5.0")), "e9f2c3cb03dcac7fee0f28cd05c7ac96");
        assert_eq!(key(7, 1, "2001:db8:1:2:3:4:5:6", Some("Mozilla/5.0")), "bb9443538d59ef6bc28748adfdac2911");
    }

    #[test]
    fn a_visitor_is_one_address_or_subnet_browser_workspace_and_day() {
        let one = key(7, 1, "203.0.113.77", Some("a"));
        assert_eq!(key(7, 1, "::ffff:203.0.113.77", Some("a")), one);
        for other in [key(8, 1, "203.0.113.77", Some("a")), key(7, 2, "203.0.113.77", Some("a")), key(7, 1, "203.0.113.78", Some("a"))] {
            assert_ne!(other, one);
        }
        assert_ne!(key(7, 1, "203.0.113.77", Some("b")), one);
        assert_eq!(key(7, 1, "203.0.113.77", None), key(7, 1, "203.0.113.77", Some("")));
        assert_eq!(key(7, 1, "2001:db8:1:2::1", None), key(7, 1, "2001:db8:1:2:ffff::", None));
        assert_ne!(key(7, 1, "2001:db8:1:2::1", None), key(7, 1, "2001:db8:1:3::1", None));
    }
}
