//! Misses, and their counts, which outlive them.

use domain::{Miss, Quarter};
use store::MissCount;

use super::{Table, at, columns, verdict};

pub(in crate::export) const MISSES: Table<Miss> = Table {
    name: "misses",
    about: "requests on the workspace's own domains for slugs that are no link, as far as they are kept",
    columns: columns! { Miss;
        "id", "the miss's id", |m| m.id.to_string().into();
        "occurredAt", "when it was made", |m| m.occurred_at().to_string().into();
        "domainId", "the domain that was asked, see domains; one that was removed is not there", |m| m.domain.to_string().into();
        "slug", "what was asked for in place of a slug; none where the path can be no slug", |m| m.slug.clone().into();
        "verdict", "who it was: HUMAN, SUSPECTED, BOT or INTERNAL", |m| verdict(m.verdict).into();
        "network", "the visitor's network, /24 or /48, where one is kept", |m| m.network.clone().into();
        "country", "ISO 3166-1, by the visitor's address", |m| m.country.clone().into();
        "userAgent", "as the visitor sent it, where it is kept", |m| m.user_agent.clone().into();
    },
};

pub(in crate::export) const MISS_COUNTS: Table<MissCount> = Table {
    name: "miss_counts",
    about: "misses by quarter-hour, domain and verdict; also of misses that are no longer kept",
    columns: columns! { MissCount;
        "from", "the quarter-hour's first instant", |c| at(c.quarter.start());
        "to", "the first instant after it", |c| at(c.quarter.start().plus(Quarter::MILLIS));
        "domainId", "the domain that was asked, see domains", |c| c.domain.to_string().into();
        "verdict", "who it was: HUMAN, SUSPECTED, BOT or INTERNAL", |c| verdict(c.verdict).into();
        "misses", "how many", |c| c.misses.into();
    },
};
