//! The columns of `clicks` as the two dialects bind them. One list gives the names, the types and
//! the values, so that none can be out of step.

use domain::{Click, Seq, WorkspaceId};
use uuid::Uuid;

use super::visits::Marks;

/// Hands the list of columns to another macro: name, PostgreSQL type, Rust type, value. In the
/// values `$c` is the click, `$workspace`, `$seq` and `$marks` are what the store adds.
macro_rules! click_columns {
    ($then:ident, $c:ident, $workspace:ident, $seq:ident, $marks:ident) => {
        $then! { $c, $workspace, $seq, $marks;
            (id, "uuid", Uuid, $c.id.0),
            (workspace_id, "uuid", Uuid, $workspace.0),
            (seq, "bigint", i64, $seq),
            (occurred_at, "bigint", i64, $c.occurred_at().0),
            (link_id, "uuid", Uuid, $c.link.0),
            (link_version, "int", i32, $c.link_version),
            (outcome, "smallint", i16, $c.outcome.code()),
            (status, "smallint", i16, $c.status as i16),
            (method, "smallint", i16, $c.method.code()),
            (url, "text", &'a str, $c.url.as_str()),
            (target_url, "text", &'a str, $c.target.as_str()),
            (verdict, "smallint", i16, $c.verdict.code()),
            (verdict_reason, "smallint", i16, $c.verdict_reason.code()),
            (country, "text", Option<&'a str>, $c.place.country.as_deref()),
            (region, "text", Option<&'a str>, $c.place.region.as_deref()),
            (city, "text", Option<&'a str>, $c.place.city.as_deref()),
            (latitude, "double precision", Option<f64>, $c.place.latitude),
            (longitude, "double precision", Option<f64>, $c.place.longitude),
            (browser, "text", Option<&'a str>, $c.browser.as_deref()),
            (browser_version, "text", Option<&'a str>, $c.browser_version.as_deref()),
            (os, "text", Option<&'a str>, $c.os.as_deref()),
            (os_version, "text", Option<&'a str>, $c.os_version.as_deref()),
            (device, "smallint", i16, $c.device.code()),
            (language, "text", Option<&'a str>, $c.language.as_deref()),
            (user_agent, "text", Option<&'a str>, $c.user_agent.as_deref()),
            (referrer, "text", Option<&'a str>, $c.referrer.as_deref()),
            (referrer_host, "text", Option<&'a str>, $c.referrer_host.as_deref()),
            (utm_source, "text", Option<&'a str>, $c.utm.source.as_deref()),
            (utm_medium, "text", Option<&'a str>, $c.utm.medium.as_deref()),
            (utm_campaign, "text", Option<&'a str>, $c.utm.campaign.as_deref()),
            (utm_term, "text", Option<&'a str>, $c.utm.term.as_deref()),
            (utm_content, "text", Option<&'a str>, $c.utm.content.as_deref()),
            (parameters, "text", String, serde_json::to_string(&$c.parameters).unwrap_or_else(|_| "[]".to_owned())),
            (network, "text", Option<&'a str>, $c.network.as_deref()),
            (redirect_micros, "int", i32, i32::try_from($c.redirect_micros).unwrap_or(i32::MAX)),
            (rule_id, "text", Option<String>, $c.rule.as_ref().map(|rule| rule.id.to_string())),
            (rule_name, "text", Option<&'a str>, $c.rule.as_ref().map(|rule| rule.name.as_str())),
            (variant, "text", Option<&'a str>, $c.rule.as_ref().and_then(|rule| rule.variant.as_deref())),
            (channel, "smallint", Option<i16>, $c.channel.map(domain::Channel::code)),
            (rules_version, "smallint", i16, $c.rules_version),
            (geo_version, "bigint", Option<i64>, $c.geo_version),
            (system_number, "bigint", Option<i64>, $c.system.as_ref().map(|system| i64::from(system.number))),
            (system_name, "text", Option<&'a str>, $c.system.as_ref().and_then(|system| system.name.as_deref())),
            (system_version, "bigint", Option<i64>, $c.system_version),
            (visitor, "text", Option<&'a str>, $c.visitor.as_ref().map(|visitor| visitor.key.as_str())),
            (visitor_recipe, "smallint", Option<i16>, $c.visitor.as_ref().map(|visitor| visitor.recipe)),
            (ip, "text", Option<String>, $c.ip.map(|ip| ip.to_string())),
            (signals, "bigint", i64, i64::from($c.signals.bits())),
            (first_of_day, "smallint", i16, $marks.0),
        }
    };
}

macro_rules! define {
    ($c:ident, $workspace:ident, $seq:ident, $marks:ident; $(($name:ident, $pg:literal, $type:ty, $value:expr),)+) => {
        /// The columns' names, in the order of binding.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),+];
        /// Their types on PostgreSQL.
        pub(super) const POSTGRES_TYPES: &[&str] = &[$($pg),+];

        /// Rows turned into one array for each column, as `UNNEST` takes them.
        #[derive(Debug, Default)]
        pub(super) struct Arrays<'a> { $(pub $name: Vec<$type>),+ }

        impl<'a> Arrays<'a> {
            pub fn push(&mut self, $workspace: WorkspaceId, $seq: Seq, $marks: Marks, $c: &'a Click) {
                $(self.$name.push($value);)+
            }

            pub fn bind(self, query: PgQuery<'a>) -> PgQuery<'a> {
                query$(.bind(self.$name))+
            }
        }

        /// Binds one row.
        pub(super) fn bind_row<'a>(
            query: SqliteQuery<'a>,
            $workspace: WorkspaceId,
            $seq: Seq,
            $marks: Marks,
            $c: &'a Click,
        ) -> SqliteQuery<'a> {
            query$(.bind($value))+
        }
    };
}

pub(super) type PgQuery<'a> = sqlx::query::Query<'a, sqlx::Postgres, sqlx::postgres::PgArguments>;
pub(super) type SqliteQuery<'a> = sqlx::query::Query<'a, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

click_columns!(define, click, workspace, seq, marks);
