//! The tables of an export: one list of columns for each makes both formats and what the README says of them.

mod clicks;
mod conversions;
mod counts;
mod history;
mod links;
mod misses;
mod workspace;

use domain::{Millis, Verdict};
use serde_json::{Map, Value};

use super::csv;

pub(super) use clicks::CLICKS;
pub(super) use conversions::{CONVERSIONS, ENGAGEMENTS};
pub(super) use counts::{COUNTS, LOSSES};
pub(super) use history::{ANNOTATIONS, AUDIT_LOG, LINK_REPORTS, RECIPIENTS, RecipientRow};
pub(super) use links::{LINKS, LinkRow};
pub(super) use misses::{MISS_COUNTS, MISSES};
pub(super) use workspace::{API_KEYS, DOMAINS, MEMBERS, SETTINGS, Settings};

pub(in crate::export) struct Column<T> {
    pub name: &'static str,
    /// In words for a person.
    pub about: &'static str,
    value: fn(&T) -> Value,
}

pub(in crate::export) struct Table<T: 'static> {
    pub name: &'static str,
    pub about: &'static str,
    pub columns: &'static [Column<T>],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export) enum Format {
    NdJson,
    Csv,
}

impl Format {
    pub const ALL: [Self; 2] = [Self::NdJson, Self::Csv];

    /// As the schema has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NdJson => "NDJSON",
            Self::Csv => "CSV",
        }
    }
}

impl<T> Table<T> {
    pub fn file(&self, format: Format) -> String {
        match format {
            Format::NdJson => format!("{}.ndjson", self.name),
            Format::Csv => format!("{}.csv", self.name),
        }
    }

    /// What stands above all rows.
    pub fn head(&self, format: Format) -> Vec<u8> {
        match format {
            Format::NdJson => Vec::new(),
            Format::Csv => csv::row(self.columns.iter().map(|column| Value::from(column.name)).collect::<Vec<_>>().iter()).into_bytes(),
        }
    }

    pub fn rows(&self, format: Format, rows: &[T]) -> Vec<u8> {
        let mut text = String::new();
        for row in rows {
            let cells: Vec<Value> = self.columns.iter().map(|column| (column.value)(row)).collect();
            match format {
                Format::Csv => text.push_str(&csv::row(cells.iter())),
                Format::NdJson => {
                    let object: Map<String, Value> = self.columns.iter().map(|column| column.name.to_owned()).zip(cells).collect();
                    text.push_str(&Value::Object(object).to_string());
                    text.push('\n');
                }
            }
        }
        text.into_bytes()
    }
}

/// A list of columns: name, what it holds, its value of a row.
macro_rules! columns {
    ($type:ty; $($name:literal, $about:literal, $value:expr;)+) => {
        &[$(crate::export::tables::Column::<$type> { name: $name, about: $about, value: $value }),+]
    };
}
use columns;

fn at(at: impl Into<Option<Millis>>) -> Value {
    at.into().map_or(Value::Null, |at| at.to_string().into())
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Human => "HUMAN",
        Verdict::Suspected => "SUSPECTED",
        Verdict::Bot => "BOT",
        Verdict::Internal => "INTERNAL",
    }
}
