//! The schema's history, for PostgreSQL and SQLite alike. A migration that has been released is
//! never changed; running them is `store`'s.
//!
//! Statements are kept as SQL files with placeholders where the two databases differ, since both
//! must be read side by side with the policies that guard them.

mod m20261124_000001_foundation;
mod m20261125_000001_ingest_counters;
mod m20261125_000002_link_rules;
mod m20261125_000003_link_outbox;
mod m20261125_000004_domains;
mod m20261125_000005_api_keys;
mod m20261125_000006_link_reports;
mod m20261125_000007_click_limits;
mod m20261127_000001_enrichment;
mod m20261127_000002_visitors;
mod m20261127_000003_retention;
mod m20261127_000004_rights;
mod m20261127_000005_jobs;
mod m20261127_000006_dead_letters;
mod m20261127_000007_addresses;
mod m20261127_000008_consented_ids;
mod m20261128_000000_rollups;
mod m20261128_000001_link_labels;
mod m20261128_000002_misses;
mod m20261128_000003_conversions;
mod m20261128_000004_annotations;
mod m20261128_000005_recipients;
mod m20261128_000007_visitor_sketches;
mod m20261128_000008_link_stats;
mod m20261128_000009_visits;
mod m20261128_000010_link_creators;
mod m20261128_000011_recipient_erasures;
mod m20261128_000012_forgotten_values;
mod m20261128_000013_hours;
mod m20261128_000014_rule_names;
mod m20261128_000015_click_recipients;

pub use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait};

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_foundation::Migration),
            Box::new(m20261125_000001_ingest_counters::Migration),
            Box::new(m20261125_000002_link_rules::Migration),
            Box::new(m20261125_000003_link_outbox::Migration),
            Box::new(m20261125_000004_domains::Migration),
            Box::new(m20261125_000005_api_keys::Migration),
            Box::new(m20261125_000006_link_reports::Migration),
            Box::new(m20261125_000007_click_limits::Migration),
            Box::new(m20261127_000001_enrichment::Migration),
            Box::new(m20261127_000002_visitors::Migration),
            Box::new(m20261127_000003_retention::Migration),
            Box::new(m20261127_000004_rights::Migration),
            Box::new(m20261127_000005_jobs::Migration),
            Box::new(m20261127_000006_dead_letters::Migration),
            Box::new(m20261127_000007_addresses::Migration),
            Box::new(m20261127_000008_consented_ids::Migration),
            Box::new(m20261128_000000_rollups::Migration),
            Box::new(m20261128_000001_link_labels::Migration),
            Box::new(m20261128_000002_misses::Migration),
            Box::new(m20261128_000003_conversions::Migration),
            Box::new(m20261128_000004_annotations::Migration),
            Box::new(m20261128_000005_recipients::Migration),
            Box::new(m20261128_000007_visitor_sketches::Migration),
            Box::new(m20261128_000008_link_stats::Migration),
            Box::new(m20261128_000009_visits::Migration),
            Box::new(m20261128_000010_link_creators::Migration),
            Box::new(m20261128_000011_recipient_erasures::Migration),
            Box::new(m20261128_000012_forgotten_values::Migration),
            Box::new(m20261128_000013_hours::Migration),
            Box::new(m20261128_000014_rule_names::Migration),
            Box::new(m20261128_000015_click_recipients::Migration),
        ]
    }
}
