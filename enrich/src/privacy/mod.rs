//! What of a click may be kept, by the workspace's settings and the visitor's own wish.
//!
//! Global Privacy Control (<https://www.w3.org/TR/gpc/>), and Do Not Track where the workspace says so,
//! leave a click that is counted and tells no visitor from another. Where consent is required and was not
//! given, a click keeps no more than counts need.

use std::collections::HashSet;
use std::net::IpAddr;

use domain::{
    Address, CapturedClick, Click, ConsentMode, Parameter, Privacy, PrivacyLevel, SignalSet, names_to_drop, without_parameters,
    without_values,
};

use url::Url;

use crate::sources::is_click_id;

/// How much of the visitor a click may tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Counted, and nothing of the person.
    Counted,
    /// Not told from other visitors.
    Unlinked,
    Full,
}

pub(crate) fn reach(captured: &CapturedClick, privacy: &Privacy) -> Reach {
    let consented = captured.signals.consent.as_ref().is_some_and(|consent| consent.given);
    if privacy.consent == ConsentMode::Required && !consented {
        Reach::Counted
    } else if is_objecting(captured.signals.set, privacy) {
        Reach::Unlinked
    } else {
        Reach::Full
    }
}

/// Whether the visitor's browser says that nobody is to be followed.
fn is_objecting(signals: SignalSet, privacy: &Privacy) -> bool {
    signals.has(SignalSet::GPC) || privacy.respect_dnt && signals.has(SignalSet::DNT)
}

/// Whether visitors of this click may be told apart.
pub fn may_tell_visitors_apart(captured: &CapturedClick, privacy: &Privacy) -> bool {
    reach(captured, privacy) == Reach::Full
}

/// Takes out of the click what may not be kept, and puts in the address where that may be.
pub(crate) fn reduce(click: &mut Click, captured: &CapturedClick, referrer: Option<Url>, privacy: &Privacy) {
    let reach = reach(captured, privacy);
    let keep = privacy.keep;
    if reach < Reach::Full {
        click.visitor = None;
    }
    if privacy.level == PrivacyLevel::None || reach == Reach::Counted {
        click.network = None;
    }
    if privacy.level == PrivacyLevel::Full && reach == Reach::Full {
        click.ip = full_address(&captured.address);
    }
    if !keep.city || reach == Reach::Counted {
        (click.place.city, click.place.latitude, click.place.longitude) = (None, None, None);
        click.signals.remove(SignalSet::CITY_KEPT);
    } else if !matches!(captured.address, Address::Reduced(_)) {
        // Whoever has reduced it has said so.
        click.signals.insert(SignalSet::CITY_KEPT);
    }
    if !keep.language || reach == Reach::Counted {
        click.language = None;
    }
    if !keep.user_agent || reach == Reach::Counted {
        click.user_agent = None;
    }
    click.referrer = kept_referrer(referrer, privacy, reach);
    let passes = |key: &str| !is_click_id(key) && may_keep(key, privacy, reach);
    click.parameters.retain(|Parameter { key, .. }| passes(key));
    let gone = Names::of(captured.is_logged(), &click.url, &click.target, passes);
    drop_from(&mut click.url, &gone.of_url, without_parameters);
    drop_from(&mut click.target, &gone.of_target, without_parameters);
}

/// The same of a captured click's addresses. Of parameters by which services follow clicks the names stay: they say
/// the channel, which is told when the click is stored.
pub(crate) fn reduce_addresses(click: &mut CapturedClick, privacy: &Privacy, reach: Reach) {
    click.referrer = kept_referrer(click.referrer.as_deref().and_then(read), privacy, reach);
    let passes = |key: &str| !is_click_id(key) && may_keep(key, privacy, reach);
    let (valueless, gone) = Names::of(click.is_logged(), &click.url, &click.target, passes).split();
    drop_from(&mut click.url, &gone.of_url, without_parameters);
    drop_from(&mut click.url, &valueless.of_url, without_values);
    drop_from(&mut click.target, &gone.of_target, without_parameters);
    drop_from(&mut click.target, &valueless.of_target, without_values);
}

/// The names of parameters that a click does not keep.
struct Names {
    of_url: HashSet<String>,
    of_target: HashSet<String>,
}

impl Names {
    /// What a link's own target has is its author's, but for what services follow clicks by. The target of a click that
    /// was logged without a link was made for its visitor, and keeps no more than the short URL.
    fn of(is_logged: bool, url: &str, target: &str, passes: impl Fn(&str) -> bool) -> Self {
        let of_url = names_to_drop(url, &passes);
        let mut of_target = names_to_drop(target, |key| if is_logged { passes(key) } else { !is_click_id(key) });
        // It may have got them from there.
        of_target.extend(of_url.iter().cloned());
        Self { of_url, of_target }
    }

    /// Those by which services follow clicks, and the others.
    fn split(self) -> (Self, Self) {
        let split = |names: HashSet<String>| names.into_iter().partition(|name| is_click_id(name));
        let ((url_ids, url_others), (target_ids, target_others)) = (split(self.of_url), split(self.of_target));
        (Self { of_url: url_ids, of_target: target_ids }, Self { of_url: url_others, of_target: target_others })
    }
}

/// Without a copy where nothing is to go.
fn drop_from(url: &mut String, names: &HashSet<String>, take_out: fn(&str, &HashSet<String>) -> String) {
    if !names.is_empty() {
        *url = take_out(url, names);
    }
}

/// Whether a parameter of that name may be kept, beside those by which services follow clicks.
fn may_keep(key: &str, privacy: &Privacy, reach: Reach) -> bool {
    let listed = |names: &[String]| names.iter().any(|name| name == key);
    let allowed = privacy.keep.parameters && privacy.parameters.as_deref().is_none_or(listed);
    allowed && (reach == Reach::Full || listed(&privacy.impersonal_parameters))
}

/// A referrer as an address; `None` where it is none.
pub(crate) fn read(referrer: &str) -> Option<Url> {
    Url::parse(referrer).ok()
}

fn kept_referrer(referrer: Option<Url>, privacy: &Privacy, reach: Reach) -> Option<String> {
    cleaned_referrer(referrer?, privacy.keep.referrer_path && reach > Reach::Counted)
}

fn full_address(address: &Address) -> Option<IpAddr> {
    match address {
        Address::Full(ip) => Some(ip.to_canonical()),
        Address::Unknown | Address::Reduced(_) => None,
    }
}

/// Scheme, host and path of a referrer, without its query, which may hold anything.
fn cleaned_referrer(mut url: Url, with_path: bool) -> Option<String> {
    if !url.has_host() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    // Refused for addresses that have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if !with_path {
        url.set_path("/");
    }
    Some(url.into())
}

#[cfg(test)]
mod tests;
