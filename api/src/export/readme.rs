//! What the archive says of itself: every file and every column, out of the tables that write them.

use super::tables::{
    ANNOTATIONS, API_KEYS, AUDIT_LOG, CLICKS, CONVERSIONS, COUNTS, DOMAINS, ENGAGEMENTS, LINK_REPORTS, LINKS, LOSSES, MEMBERS, MISS_COUNTS,
    MISSES, RECIPIENTS, SETTINGS, Table,
};

const INTRODUCTION: &str = "This archive holds what Link Logger has stored of one workspace, as it was at one moment.

Each table is here twice, with the same rows and columns:
  .ndjson  one JSON object a line, for programs
  .csv     for spreadsheets (RFC 4180, UTF-8, first row the names)

Times are UTC (RFC 3339). A value that is not known is null, or an empty cell. In the CSV files a text that begins
with = + - @, a tab or a line end has an apostrophe in front, so that no spreadsheet takes it for a formula; the
NDJSON files have it as it is.

Not here are passwords, API keys and signing secrets: nobody can read those again; nor the salts by which visitors
are told apart, which are destroyed. Clicks that were removed when their time was over are in counts only, and those
that were erased for a person nowhere.
";

pub(super) fn text() -> String {
    let mut text = INTRODUCTION.to_owned();
    describe(&mut text, &CLICKS);
    describe(&mut text, &CONVERSIONS);
    describe(&mut text, &ENGAGEMENTS);
    describe(&mut text, &COUNTS);
    describe(&mut text, &MISSES);
    describe(&mut text, &MISS_COUNTS);
    describe(&mut text, &LOSSES);
    describe(&mut text, &LINKS);
    describe(&mut text, &LINK_REPORTS);
    describe(&mut text, &ANNOTATIONS);
    describe(&mut text, &RECIPIENTS);
    describe(&mut text, &DOMAINS);
    describe(&mut text, &MEMBERS);
    describe(&mut text, &API_KEYS);
    describe(&mut text, &AUDIT_LOG);
    describe(&mut text, &SETTINGS);
    text
}

fn describe<T>(text: &mut String, table: &Table<T>) {
    text.push_str(&format!("\n{} - {}\n", table.name, table.about));
    for column in table.columns {
        text.push_str(&format!("  {:<20} {}\n", column.name, column.about));
    }
}
