//! The store's suite. Every test in it runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is missing")]

mod accounts;
mod breakdown;
mod clicks;
mod fixture;
mod gates;
mod ingest;
mod ingest_counters;
mod link_outbox;
mod link_reports;
mod links;
mod postgres_only;
mod schema;

/// Each test is a function of a store that is migrated and empty.
macro_rules! suite {
    ($($module:ident :: $test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let database = crate::fixture::sqlite().await;
                crate::$module::$test(&database).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let database = crate::fixture::postgres().await;
                crate::$module::$test(&database).await;
            })+
        }
    };
}

suite!(
    accounts::signing_up_is_all_or_nothing,
    accounts::refresh_tokens_are_used_once,
    accounts::ended_sessions_stay_ended,
    links::slugs_are_unique_without_regard_to_case,
    links::updates_raise_the_version_and_keep_aliases,
    links::deleted_links_are_tombstones,
    links::pages_go_both_ways,
    links::another_workspace_sees_nothing,
    link_outbox::every_change_of_a_link_is_in_the_outbox,
    link_outbox::only_what_was_published_is_cleared,
    link_outbox::without_a_snapshot_nothing_gathers,
    link_outbox::all_links_are_met_page_by_page,
    link_reports::a_report_reaches_the_links_own_workspace_only,
    link_reports::a_link_keeps_so_many_reports_and_no_more,
    link_reports::what_a_link_says_of_itself_is_resolved_with_it,
    gates::gates_are_stored_and_resolved_as_they_are,
    gates::permits_never_pass_the_limit,
    ingest::a_batch_given_again_changes_nothing,
    ingest::the_order_of_storage_has_no_repeats,
    ingest::two_workers_do_not_double_count,
    ingest::only_what_was_sent_on_is_counted,
    ingest::a_record_that_cannot_be_stored_is_set_aside,
    ingest_counters::losses_count_once_however_often_they_come,
    clicks::pages_of_both_orders_meet_everything_once,
    clicks::filters_mean_the_same_in_sql_and_in_memory,
    clicks::counts_are_those_of_the_clicks,
    clicks::series_sum_up_to_totals,
    clicks::percentiles_are_those_of_the_counted_clicks,
    breakdown::every_dimension_is_a_count_of_the_clicks,
    breakdown::links_come_from_cells_where_they_can,
    breakdown::only_what_was_sent_on_is_broken_down,
    breakdown::a_search_is_for_plain_text_without_case,
    breakdown::links_are_found_by_slug_or_title,
    schema::migrating_again_changes_nothing,
    schema::a_newer_database_is_refused,
);
