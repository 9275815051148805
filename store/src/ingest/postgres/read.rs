//! Everything that a workspace's batch needs to know of what is stored, in one statement: each that waits for its answer
//! costs a round trip.
//!
//! Each key is looked up by itself (`LATERAL … OFFSET 0`). A plan made while a table was empty would otherwise read
//! all that a workspace has of it for as long as the connection lasts.

use std::collections::{HashMap, HashSet};

use domain::WorkspaceId;
use sqlx::{PgTransaction, Row};
use uuid::Uuid;

use crate::failure::Failure;
use crate::ingest::Incoming;
use crate::ingest::visits::{Before, Visit};
use crate::rollup::{CellKey, SketchKey, Spelled};

const SQL: &str = "SELECT a.ids, b.places, b.met, c.places, c.ids, d.places, d.bodies, e.places, e.bodies FROM \
    (SELECT array_agg(k.id) AS ids FROM UNNEST($2::uuid[]) AS k (id), LATERAL (SELECT 1 FROM clicks s WHERE s.id = k.id OFFSET 0) AS found) a, \
    (SELECT array_agg(k.place) AS places, array_agg(found.met) AS met \
        FROM UNNEST($3::int[], $4::bytea[], $5::uuid[]) WITH ORDINALITY AS k (day, visitor, link_id, place), \
        LATERAL (SELECT (SELECT true FROM visitor_days t \
            WHERE t.workspace_id = $1 AND t.day = k.day AND t.visitor = k.visitor AND t.link_id = k.link_id) AS met FROM visitor_days s \
        WHERE s.workspace_id = $1 AND s.day = k.day AND s.visitor = k.visitor LIMIT 1) AS found) b, \
    (SELECT array_agg(k.place) AS places, array_agg(found.id) AS ids FROM UNNEST($6::int[], $7::text[]) WITH ORDINALITY AS k (block, value, place), \
        LATERAL (SELECT s.id FROM rollup_values s WHERE s.workspace_id = $1 AND s.block = k.block AND s.value = k.value OFFSET 0) AS found) c, \
    (SELECT array_agg(k.place) AS places, array_agg(found.body) AS bodies \
        FROM UNNEST($8::uuid[], $9::smallint[], $10::bigint[]) WITH ORDINALITY AS k (link_id, grain, quarter, place), \
        LATERAL (SELECT s.body FROM rollup_cells s \
        WHERE s.workspace_id = $1 AND s.link_id = k.link_id AND s.grain = k.grain AND s.quarter = k.quarter OFFSET 0) AS found) d, \
    (SELECT array_agg(k.place) AS places, array_agg(found.body) AS bodies \
        FROM UNNEST($11::uuid[], $12::bigint[]) WITH ORDINALITY AS k (link_id, quarter, place), \
        LATERAL (SELECT s.body FROM visitor_sketches s \
        WHERE s.workspace_id = $1 AND s.link_id = k.link_id AND s.quarter = k.quarter OFFSET 0) AS found) e";

/// What is asked, of all clicks of the batch: which of them are new the answer tells.
pub(super) struct Asked<'a> {
    pub clicks: &'a [&'a Incoming],
    pub visits: &'a [Visit<'a>],
    pub values: &'a [Spelled],
    pub cells: &'a [CellKey],
    pub sketches: &'a [SketchKey],
}

/// What of it is there.
pub(super) struct Stored<'a> {
    pub clicks: HashSet<Uuid>,
    pub visits: HashMap<Visit<'a>, Before>,
    pub values: Vec<(Spelled, u64)>,
    pub cells: Vec<(CellKey, Vec<u8>)>,
    pub sketches: HashMap<SketchKey, Vec<u8>>,
}

pub(super) async fn read<'a>(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    asked: &Asked<'a>,
) -> Result<Stored<'a>, Failure> {
    let ids: Vec<Uuid> = asked.clicks.iter().map(|incoming| incoming.click.id.0).collect();
    let row = sqlx::query(SQL)
        .bind(workspace.0)
        .bind(ids)
        .bind(column(asked.visits, |visit| visit.day))
        .bind(column(asked.visits, |visit| visit.visitor.as_bytes()))
        .bind(column(asked.visits, |visit| visit.link))
        .bind(column(asked.values, |(block, _)| block.0.cast_signed()))
        .bind(column(asked.values, |(_, text)| text.as_str()))
        .bind(column(asked.cells, |(link, ..)| *link))
        .bind(column(asked.cells, |(_, grain, _)| *grain))
        .bind(column(asked.cells, |(.., quarter)| *quarter))
        .bind(column(asked.sketches, |(link, _)| *link))
        .bind(column(asked.sketches, |(_, day)| *day))
        .fetch_one(&mut **transaction)
        .await?;
    let met: Vec<Option<bool>> = row.try_get::<Option<_>, _>(2)?.unwrap_or_default();
    let met = met.into_iter().map(|on_the_link| if on_the_link.is_some() { Before::OnTheLink } else { Before::Elsewhere });
    let numbers: Vec<i64> = row.try_get::<Option<_>, _>(4)?.unwrap_or_default();
    let bodies: Vec<Vec<u8>> = row.try_get::<Option<_>, _>(6)?.unwrap_or_default();
    let sketches: Vec<Vec<u8>> = row.try_get::<Option<_>, _>(8)?.unwrap_or_default();
    Ok(Stored {
        clicks: row.try_get::<Option<Vec<Uuid>>, _>(0)?.unwrap_or_default().into_iter().collect(),
        visits: at(asked.visits, row.try_get(1)?).copied().zip(met).collect(),
        values: at(asked.values, row.try_get(3)?).cloned().zip(numbers.into_iter().map(i64::unsigned_abs)).collect(),
        cells: at(asked.cells, row.try_get(5)?).copied().zip(bodies).collect(),
        sketches: at(asked.sketches, row.try_get(7)?).copied().zip(sketches).collect(),
    })
}

pub(super) fn column<'a, T, C>(rows: &'a [T], value: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(value).collect()
}

/// What was asked at these places, which are counted from one.
fn at<T>(asked: &[T], places: Option<Vec<i64>>) -> impl Iterator<Item = &T> {
    let places = places.unwrap_or_default().into_iter();
    places.filter_map(|place| asked.get(usize::try_from(place).ok()?.checked_sub(1)?))
}
