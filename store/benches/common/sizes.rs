//! What tables take on disk, whatever tables there are: with their indexes, and partitions as their table.

use std::collections::BTreeMap;

use super::databases::Raw;

const POSTGRES: &str = "SELECT COALESCE(p.relname, c.relname)::text, SUM(pg_total_relation_size(c.oid))::bigint FROM pg_class c \
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent \
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1";
const POSTGRES_INDEXES: &str = "SELECT (COALESCE(p.relname, c.relname) || ' (indexes)')::text, SUM(pg_indexes_size(c.oid))::bigint \
    FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent \
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1";
const SQLITE: &str = "SELECT m.tbl_name, SUM(d.pgsize) FROM dbstat('main', 1) d JOIN sqlite_master m ON m.name = d.name GROUP BY 1";
const SQLITE_INDEXES: &str = "SELECT m.tbl_name || ' (indexes)', SUM(d.pgsize) FROM dbstat('main', 1) d \
    JOIN sqlite_master m ON m.name = d.name AND m.type = 'index' GROUP BY 1";

/// Bytes by table; an index of a table is in it, and once more by itself.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    tables: BTreeMap<String, i64>,
    indexes: BTreeMap<String, i64>,
}

impl Sizes {
    pub async fn of(raw: &Raw) -> Self {
        let (tables, indexes) = match raw {
            Raw::Sqlite(_) => (SQLITE, SQLITE_INDEXES),
            Raw::Postgres(_) => (POSTGRES, POSTGRES_INDEXES),
        };
        let named = async |sql: &str| raw.named_numbers(sql).await.into_iter().filter_map(|(name, bytes)| Some((name?, bytes))).collect();
        Self { tables: named(tables).await, indexes: named(indexes).await }
    }

    /// What came since then.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let less = |now: &BTreeMap<String, i64>, before: &BTreeMap<String, i64>| {
            now.iter().map(|(name, bytes)| (name.clone(), bytes - before.get(name).copied().unwrap_or(0))).collect()
        };
        Self { tables: less(&self.tables, &before.tables), indexes: less(&self.indexes, &before.indexes) }
    }

    /// Bytes for each of so many clicks, by table, the largest first.
    pub fn per_click(&self, clicks: usize) -> String {
        let each = |bytes: i64| bytes as f64 / clicks.max(1) as f64;
        let mut tables: Vec<_> = self.tables.iter().filter(|(_, bytes)| each(**bytes) >= 0.5).collect();
        tables.sort_by_key(|(_, bytes)| -**bytes);
        let table = |(name, bytes): &(&String, &i64)| {
            let indexes = self.indexes.get(&format!("{name} (indexes)")).copied().filter(|bytes| each(*bytes) >= 0.5);
            let of_which = indexes.map(|bytes| format!(" (indexes {:.0})", each(bytes))).unwrap_or_default();
            format!("{name} {:.0}{of_which}", each(**bytes))
        };
        let whole: i64 = self.tables.values().sum();
        format!("{:.0} = {}", each(whole), tables.iter().map(table).collect::<Vec<_>>().join(" + "))
    }
}
