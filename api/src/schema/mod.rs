//! The GraphQL schema: one file per topic, each with its types, queries and mutations.

mod account;
mod annotation;
mod annotation_change;
mod api_key;
mod audit;
mod breakdown;
mod campaigns;
mod changed;
pub(crate) mod click;
mod click_counters;
mod click_limit;
mod click_list;
mod click_properties;
mod cohorts;
mod context;
mod conversion;
mod conversion_counts;
mod counted_parameters;
mod counts;
mod dimension;
mod dimension_label;
mod domain;
mod domain_change;
mod erasure;
mod erasure_input;
pub(crate) mod error;
mod experiment;
mod explain;
mod export;
mod filter;
mod heatmap;
mod job;
mod link;
mod link_change;
mod link_gate;
mod link_gate_input;
mod link_labels;
mod link_list;
mod link_report;
mod link_totals;
mod live;
mod loader;
mod miss;
mod page;
mod period;
mod pipeline;
mod privacy;
mod privacy_changed;
mod recipients;
mod removal;
pub(crate) mod rights;
mod scalars;
mod series;
mod sparkline;
mod split_series;
mod workspace;

use async_graphql::dataloader::DataLoader;
use async_graphql::{MergedObject, MergedSubscription, Schema, SchemaBuilder};

pub(crate) use context::Services;
pub(crate) use filter::{ClickFilterInput, resolve};

#[derive(Default, MergedObject)]
pub struct Query(
    account::AccountQuery,
    link::LinkQuery,
    link_list::LinkListQuery,
    link_labels::LinkLabelsQuery,
    link_report::LinkReportQuery,
    click_list::ClickQuery,
    counts::CountQuery,
    series::SeriesQuery,
    breakdown::BreakdownQuery,
    heatmap::HeatmapQuery,
    explain::ExplainQuery,
    annotation::AnnotationQuery,
    domain::DomainQuery,
    pipeline::PipelineQuery,
    api_key::ApiKeyQuery,
    audit::AuditQuery,
    job::JobQuery,
    miss::MissQuery,
    conversion_counts::ConversionQuery,
    experiment::ExperimentQuery,
    campaigns::CampaignQuery,
    cohorts::CohortQuery,
    recipients::RecipientQuery,
);

#[derive(Default, MergedObject)]
pub struct Mutation(
    account::AccountMutation,
    link_change::LinkMutation,
    domain_change::DomainMutation,
    api_key::ApiKeyMutation,
    workspace::WorkspaceMutation,
    link_report::LinkReportMutation,
    erasure::ErasureMutation,
    removal::RemovalMutation,
    job::JobMutation,
    conversion::ConversionMutation,
    annotation_change::AnnotationMutation,
    export::ExportMutation,
    recipients::RecipientMutation,
);

#[derive(Default, MergedSubscription)]
#[graphql(name = "LiveSubscription")]
pub struct Subscription(live::ClickSubscription, click_counters::ClickCountersSubscription);

pub(crate) type ApiSchema = Schema<Query, Mutation, Subscription>;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    let builder = Schema::build(Query::default(), Mutation::default(), Subscription::default()).register_output_type::<error::ErrorCode>();
    crate::shell::limited(builder)
}

pub(crate) fn build(services: Services) -> ApiSchema {
    let links = DataLoader::new(loader::LinkLoader(services.store.clone()), tokio::spawn).max_batch_size(500);
    let lines = sparkline::LineLoader::of(&services);
    let totals = DataLoader::new(link_totals::TotalsLoader(services.clone()), tokio::spawn);
    builder().data(links).data(lines).data(totals).data(services).finish()
}

/// A cursor of the order of storage, after which a subscription goes on.
pub(crate) fn stored_cursor(seq: ::domain::Seq) -> String {
    page::Cursor::encode(&page::StoredCursor(seq))
}

/// The SDL, as `frontend-schema.graphql` keeps it.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    builder().finish().sdl_with_options(options)
}
