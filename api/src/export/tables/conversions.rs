//! What clicks led to.

use domain::{Conversion, ConversionSource};
use store::Engagement;

use super::{Table, at, columns};

pub(in crate::export) const CONVERSIONS: Table<Conversion> = Table {
    name: "conversions",
    about: "what clicks led to, as pages and your programs told",
    columns: columns! { Conversion;
        "eventId", "the id that you gave it", |c| c.event_id.clone().into();
        "clickId", "the click, see clicks", |c| c.click.to_string().into();
        "linkId", "the click's link, see links", |c| c.link.to_string().into();
        "name", "what happened", |c| c.name.clone().into();
        "amount", "its value, a decimal", |c| c.value.map(|value| value.to_string()).into();
        "currency", "the value's currency, ISO 4217", |c| c.value.map(|value| value.currency.code()).into();
        "occurredAt", "when it happened", |c| at(c.occurred_at);
        "receivedAt", "when it was told", |c| at(c.received_at);
        "source", "who told: API (your programs, members) or PIXEL (a page)", |c| source(c.source).into();
    },
};

fn source(source: ConversionSource) -> &'static str {
    match source {
        ConversionSource::Api => "API",
        ConversionSource::Pixel => "PIXEL",
    }
}

pub(in crate::export) const ENGAGEMENTS: Table<Engagement> = Table {
    name: "engagements",
    about: "clicks whose visitor did something on the target, as its page told",
    columns: columns! { Engagement;
        "clickId", "the click, see clicks", |e| e.click.to_string().into();
        "linkId", "the click's link, see links", |e| e.link.to_string().into();
        "engagedAt", "when the page told", |e| at(e.engaged_at);
    },
};
