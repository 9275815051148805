//! What told a click's channel.

use domain::{Channel, Click, SignalSet, Utm};

use super::Step;
use crate::sources::{channel, channel_anew};

pub(super) fn told(click: &Click) -> Step {
    let Some(told) = click.channel else {
        return Step::new("CHANNEL_UNKNOWN", "The click was stored before there were channels.");
    };
    let by = |code: &str, what: String| Step::new(format!("CHANNEL_{code}"), format!("The channel is {}, by {what}.", told.name()));
    let (browser, host) = (click.browser.as_deref(), click.referrer_host.as_deref());
    if click.signals.has(SignalSet::CLICK_ID) && channel_anew(click, browser) == told && channel(&click.utm, None, host, browser) != told {
        return by("PARAMETER", "a parameter with which a service follows its clicks; it is not kept".into());
    }
    if channel(&click.utm, None, None, None) == told && click.utm != Utm::default() {
        let names: Vec<&str> = click.utm.pairs().map(|(name, _)| name).collect();
        return by("CAMPAIGN_FIELDS", format!("the campaign fields {}", names.join(", ")));
    }
    match (host, browser) {
        (Some(host), _) if channel(&Utm::default(), None, Some(host), None) == told => {
            by("REFERRER", format!("the page it came from, on {host}"))
        }
        (None, Some(app)) if channel(&Utm::default(), None, None, Some(app)) == told && told != Channel::Direct => {
            by("APP", format!("the app that opened it, {app}"))
        }
        _ if told == Channel::Direct => by("DIRECT", "the want of a referrer and of campaign fields".into()),
        _ => by("EARLIER", "tables of sources that have changed since".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Enricher;
    use crate::tests::captured;

    fn code(url: &str, referrer: Option<&str>) -> String {
        let captured = domain::CapturedClick { url: url.into(), referrer: referrer.map(Into::into), ..captured() };
        told(&Enricher::new(Arc::default()).enrich(&captured, &domain::Privacy::default())).code
    }

    #[test]
    fn each_source_is_told_as_what_it_was() {
        assert_eq!(code("https://x/a", None), "CHANNEL_DIRECT");
        assert_eq!(code("https://x/a", Some("https://www.google.com/")), "CHANNEL_REFERRER");
        assert_eq!(code("https://x/a?utm_medium=email", Some("https://www.google.com/")), "CHANNEL_CAMPAIGN_FIELDS");
        assert_eq!(code("https://x/a?gclid=1", Some("https://www.example.com/")), "CHANNEL_PARAMETER");
        assert_eq!(code("https://x/a?qr=1", None), "CHANNEL_CAMPAIGN_FIELDS");
    }
}
