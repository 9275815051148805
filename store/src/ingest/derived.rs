//! What was read of stored clicks anew, written over what was read of them before.

use std::sync::LazyLock;

use domain::{Channel, Derived, WorkspaceId};
use sqlx::{PgTransaction, Sqlite, Transaction};
use uuid::Uuid;

use super::columns::{PgQuery, SqliteQuery};
use crate::failure::Failure;

/// One list gives the names, the PostgreSQL types and the values of the columns, so that none can be out of step.
macro_rules! columns {
    ($d:ident; $(($name:ident, $pg:literal, $value:expr)),+ $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];
        const POSTGRES_TYPES: &[&str] = &[$($pg),+];

        fn bind_row<'a>(query: SqliteQuery<'a>, $d: &'a Derived) -> SqliteQuery<'a> {
            query$(.bind($value))+
        }

        fn bind_arrays<'a>(query: PgQuery<'a>, clicks: &[(Uuid, &'a Derived)]) -> PgQuery<'a> {
            query$(.bind(clicks.iter().map(|(_, $d)| $value).collect::<Vec<_>>()))+
        }
    };
}

columns! { derived;
    (country, "text", derived.place.country.as_deref()),
    (region, "text", derived.place.region.as_deref()),
    (city, "text", derived.place.city.as_deref()),
    (latitude, "double precision", derived.place.latitude),
    (longitude, "double precision", derived.place.longitude),
    (browser, "text", derived.facts.browser.as_deref()),
    (browser_version, "text", derived.facts.browser_version.as_deref()),
    (os, "text", derived.facts.os.as_deref()),
    (os_version, "text", derived.facts.os_version.as_deref()),
    (device, "smallint", derived.facts.device.code()),
    (channel, "smallint", derived.channel.map(Channel::code)),
    (geo_version, "bigint", derived.geo_version),
    (system_number, "bigint", derived.system.as_ref().map(|system| i64::from(system.number))),
    (system_version, "bigint", derived.system_version),
    (system_name, "text", derived.system.as_ref().and_then(|system| system.name.as_deref())),
}

static SQLITE: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<String> = NAMES.iter().map(|name| format!("{name} = ?")).collect();
    format!("UPDATE clicks SET {} WHERE workspace_id = ? AND id = ?", columns.join(", "))
});

static POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let set: Vec<String> = NAMES.iter().map(|name| format!("{name} = n.{name}")).collect();
    let arrays: Vec<String> = POSTGRES_TYPES.iter().enumerate().map(|(index, kind)| format!("${}::{kind}[]", index + 3)).collect();
    format!(
        "UPDATE clicks c SET {} FROM UNNEST($2::uuid[], {}) AS n (id, {}) WHERE c.workspace_id = $1 AND c.id = n.id",
        set.join(", "),
        arrays.join(", "),
        NAMES.join(", ")
    )
});

pub(super) async fn write_sqlite(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    clicks: &[(Uuid, &Derived)],
) -> Result<(), Failure> {
    for (id, derived) in clicks {
        bind_row(sqlx::query(SQLITE.as_str()), derived).bind(workspace.0).bind(id).execute(&mut **transaction).await?;
    }
    Ok(())
}

pub(super) async fn write_postgres(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    clicks: &[(Uuid, &Derived)],
) -> Result<(), Failure> {
    if clicks.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = clicks.iter().map(|(id, _)| *id).collect();
    bind_arrays(sqlx::query(POSTGRES.as_str()).bind(workspace.0).bind(ids), clicks).execute(&mut **transaction).await?;
    Ok(())
}
