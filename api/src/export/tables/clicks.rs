//! Clicks, with all that is kept of each.

use domain::{Click, Millis};
use enrich::RECIPE_CONSENTED;
use serde_json::{Value, json};

use super::{Table, at, columns, verdict};

pub(in crate::export) const CLICKS: Table<Click> = Table {
    name: "clicks",
    about: "requests that found a link, in the order they were stored",
    columns: columns! { Click;
        "id", "the click's id", |c| c.id.to_string().into();
        "occurredAt", "when it was made", |c| c.occurred_at().to_string().into();
        "linkId", "its link, see links", |c| c.link.to_string().into();
        "linkVersion", "the link's version that decided", |c| c.link_version.into();
        "outcome", "what became of it; counts take REDIRECTED and FALLBACK", |c| outcome(c).into();
        "status", "the HTTP status that was answered", |c| c.status.into();
        "method", "GET, HEAD or POST", |c| c.method.as_str().into();
        "url", "the short URL as it was requested", |c| c.url.clone().into();
        "targetUrl", "where the visitor was sent, or would have been", |c| c.target.clone().into();
        "ruleId", "the link's rule that decided, if one did", |c| c.rule.as_ref().map(|rule| rule.id.to_string()).into();
        "ruleName", "what that rule was called", |c| c.rule.as_ref().map(|rule| rule.name.clone()).into();
        "variant", "the variant that the visitor met", |c| c.rule.as_ref().and_then(|rule| rule.variant.clone()).into();
        "verdict", "who it was: HUMAN, SUSPECTED, BOT or INTERNAL", |c| verdict(c.verdict).into();
        "verdictReason", "why it was judged so", |c| c.verdict_reason.describe().0.into();
        "rulesVersion", "the version of the rules that judged it; 0 before they had one", |c| c.rules_version.into();
        "country", "ISO 3166-1, by the visitor's address", |c| c.place.country.clone().into();
        "region", "ISO 3166-2 where known", |c| c.place.region.clone().into();
        "city", "as the geo database names it", |c| c.place.city.clone().into();
        "latitude", "degrees, of the place and not of the person", |c| c.place.latitude.into();
        "longitude", "degrees, of the place and not of the person", |c| c.place.longitude.into();
        "geoVersion", "when the database was built that knew the place", |c| at(built(c.geo_version));
        "browser", "by the user agent", |c| c.browser.clone().into();
        "browserVersion", "by the user agent", |c| c.browser_version.clone().into();
        "os", "by the user agent", |c| c.os.clone().into();
        "osVersion", "by the user agent", |c| c.os_version.clone().into();
        "device", "the class of the device", |c| device(c).into();
        "language", "the first accepted language", |c| c.language.clone().into();
        "userAgent", "what the browser called itself", |c| c.user_agent.clone().into();
        "referrer", "where the visitor came from", |c| c.referrer.clone().into();
        "referrerHost", "the host of that", |c| c.referrer_host.clone().into();
        "channel", "the kind of that", |c| channel(c).into();
        "utmSource", "the campaign's source", |c| c.utm.source.clone().into();
        "utmMedium", "the campaign's medium", |c| c.utm.medium.clone().into();
        "utmCampaign", "the campaign", |c| c.utm.campaign.clone().into();
        "utmTerm", "the campaign's term", |c| c.utm.term.clone().into();
        "utmContent", "the campaign's content", |c| c.utm.content.clone().into();
        "parameters", "other parameters of the short URL, a list of key and value", |c| parameters(c);
        "network", "the visitor's network, never the whole address", |c| c.network.clone().into();
        "asn", "the number of the autonomous system", |c| c.system.as_ref().map(|system| system.number).into();
        "asOrganization", "who runs that system", |c| c.system.as_ref().and_then(|system| system.name.clone()).into();
        "asnVersion", "when the database was built, or the list published, that knew that system", |c| at(built(c.system_version));
        "ip", "the whole address, only where the workspace keeps it", |c| c.ip.map(|ip| ip.to_string()).into();
        "visitor", "tells visitors apart for a day, or as long as they consented to", |c| c.visitor.as_ref().map(|v| v.key.clone()).into();
        "visitorConsented", "whether that is an id that the visitor consented to", |c| c.visitor.as_ref().map(|v| v.recipe == RECIPE_CONSENTED).into();
        "signals", "which headers the request had and what they said, a list of names", |c| c.signals.names().collect();
        "redirectMicros", "from the request read to the click captured, in microseconds", |c| c.redirect_micros.into();
    },
};

fn outcome(click: &Click) -> &'static str {
    use domain::Outcome::*;
    match click.outcome {
        Redirected => "REDIRECTED",
        Fallback => "FALLBACK",
        Expired => "EXPIRED",
        Disabled => "DISABLED",
        Limit => "LIMIT",
        Password => "PASSWORD",
        Preview => "PREVIEW",
    }
}

fn device(click: &Click) -> String {
    format!("{:?}", click.device).to_uppercase()
}

fn channel(click: &Click) -> Option<String> {
    click.channel.map(|channel| format!("{channel:?}").to_uppercase())
}

fn parameters(click: &Click) -> Value {
    click.parameters.iter().map(|parameter| json!({ "key": parameter.key, "value": parameter.value })).collect()
}

/// Of Unix seconds.
fn built(seconds: Option<i64>) -> Option<Millis> {
    seconds.map(|seconds| Millis(seconds.saturating_mul(1_000)))
}
