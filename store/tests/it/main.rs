//! The store's suite. Every test in it runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is missing")]

mod accounts;
mod annotations;
mod api_keys;
mod breakdown;
mod breakdown_of_links;
mod by_link_and_hour;
mod capped;
mod catching_up;
mod clicks;
mod conversion_counts;
mod conversion_dimensions;
mod conversions;
mod counted_parameters;
mod dead_letters;
mod domains;
mod each_link;
mod erased;
mod estimates;
mod export;
mod filters;
mod fixture;
mod forgotten_values;
mod full_cells;
mod gates;
mod ingest;
mod ingest_counters;
mod jobs;
mod link_labels;
mod link_list;
mod link_outbox;
mod link_reports;
mod links;
mod misses;
mod permits;
mod postgres_only;
mod recipient_erasures;
mod recipients;
mod recounts;
mod removal;
mod retention;
mod rights;
mod rollups;
mod rule_names;
mod schema;
mod split_series;
mod statistics;
mod told;
mod visitors;

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
    annotations::annotations_are_found_by_time_link_and_kind,
    annotations::what_changes_counts_notes_itself,
    annotations::annotations_are_bounded_and_ones_own_are_kept,
    api_keys::a_key_is_known_until_it_is_revoked,
    api_keys::keys_are_bounded,
    api_keys::clicks_without_a_link_belong_to_one_that_stays_as_it_is,
    api_keys::secrets_are_good_for_as_long_as_was_said,
    api_keys::policies_are_the_workspaces_own,
    api_keys::every_change_of_a_policy_is_in_the_outbox,
    api_keys::all_policies_are_met_page_by_page,
    links::slugs_are_unique_without_regard_to_case,
    links::updates_raise_the_version_and_keep_aliases,
    links::deleted_links_are_tombstones,
    links::pages_go_both_ways,
    links::another_workspace_sees_nothing,
    link_labels::labels_change_with_their_link,
    link_labels::what_links_share_is_told_with_how_many_have_it,
    link_labels::links_are_grouped_by_what_they_say_of_themselves,
    link_list::lists_hold_what_was_chosen,
    link_list::every_order_is_met_page_by_page,
    link_outbox::every_change_of_a_link_is_in_the_outbox,
    link_outbox::only_what_was_published_is_cleared,
    link_outbox::without_a_snapshot_nothing_gathers,
    link_outbox::all_links_are_met_page_by_page,
    domains::a_host_is_served_while_it_is_verified,
    domains::a_host_is_verified_in_one_workspace,
    domains::nobody_slips_in_between,
    domains::a_removed_domain_comes_back_with_its_links,
    domains::case_matters_where_it_was_asked_for,
    domains::a_proof_is_missed_for_days_before_it_counts,
    domains::checks_that_are_due_are_given_out_once,
    domains::changes_of_hosts_are_in_the_outbox,
    domains::a_workspace_has_a_bounded_number_of_domains,
    link_reports::a_report_reaches_the_links_own_workspace_only,
    link_reports::a_link_keeps_so_many_reports_and_no_more,
    link_reports::what_a_link_says_of_itself_is_resolved_with_it,
    gates::gates_are_stored_and_resolved_as_they_are,
    rule_names::rules_are_named_when_they_and_their_clicks_are_gone,
    rule_names::rules_of_before_are_named_by_the_migration,
    permits::permits_never_pass_the_limit,
    permits::a_block_is_leased_once_and_given_back_once,
    permits::what_is_needed_is_granted_up_to_the_limit,
    permits::another_workspace_gets_no_permits,
    permits::permits_that_nobody_can_use_are_forgotten,
    ingest::a_batch_given_again_changes_nothing,
    ingest::the_order_of_storage_has_no_repeats,
    ingest::two_workers_do_not_double_count,
    ingest::only_what_was_sent_on_is_counted,
    ingest::a_record_that_cannot_be_stored_is_set_aside,
    ingest::an_id_of_another_workspaces_click_is_refused,
    misses::misses_given_again_change_nothing,
    misses::misses_are_counted_by_quarters_and_at_ragged_ends_one_by_one,
    misses::misses_are_listed_newest_first_and_slugs_by_how_many,
    misses::misses_go_with_the_watermark_and_come_back_no_more,
    misses::nothing_is_stored_of_a_workspace_that_goes,
    misses::counts_of_misses_are_compared_with_them,
    misses::a_miss_that_cannot_be_stored_is_returned,
    jobs::a_job_is_done_by_one_process_at_a_time,
    jobs::exports_are_kept_for_a_day_and_bounded,
    jobs::cells_are_compared_with_their_clicks,
    ingest_counters::losses_count_once_however_often_they_come,
    ingest_counters::copies_and_machines_are_told_by_their_time,
    clicks::pages_of_both_orders_meet_everything_once,
    clicks::filters_mean_the_same_in_sql_and_in_memory,
    clicks::counts_are_those_of_the_clicks,
    clicks::series_sum_up_to_totals,
    clicks::percentiles_are_those_of_the_counted_clicks,
    each_link::links_have_the_series_that_each_has_alone,
    filters::whatever_is_asked_sql_and_memory_say_the_same,
    filters::links_and_domains_alone_are_answered_by_cells,
    breakdown::every_dimension_is_a_count_of_the_clicks,
    breakdown::links_come_from_cells_where_they_can,
    breakdown::only_what_was_sent_on_is_broken_down,
    breakdown::a_search_is_for_plain_text_without_case,
    breakdown::links_are_found_by_slug_or_title,
    breakdown::rows_are_in_the_order_that_was_asked_for,
    breakdown_of_links::clicks_are_grouped_by_what_their_links_say,
    counted_parameters::values_are_the_same_from_cells_and_from_clicks,
    counted_parameters::several_values_of_one_click_are_counted_from_clicks,
    split_series::the_values_of_a_dimension_have_their_series,
    split_series::groups_of_links_have_their_series,
    split_series::values_are_told_of_the_same_clicks_as_their_points,
    conversions::an_event_is_one_conversion_however_often_it_is_told_of,
    conversions::a_conversion_is_of_its_clicks_time,
    conversions::a_click_leads_to_so_much_and_no_more,
    conversions::one_of_many_at_once_is_stored,
    conversions::what_came_of_a_click_is_erased_with_it,
    conversions::nothing_is_stored_of_a_click_that_is_being_erased,
    conversions::what_came_of_clicks_is_no_longer_kept_than_they_are,
    conversion_counts::totals_and_breakdowns_are_those_of_a_plain_count,
    conversion_counts::funnels_are_those_of_a_plain_count,
    conversion_counts::sums_may_be_larger_than_any_amount,
    conversion_counts::who_is_gone_at_once_is_told_where_pages_tell,
    conversion_dimensions::what_links_and_parameters_say_tells_conversions_apart,
    conversion_dimensions::clicks_that_led_to_nothing_are_counted_from_cells,
    statistics::each_click_of_a_variant_converts_once,
    statistics::campaigns_have_their_clicks_and_conversions,
    statistics::visitors_return_as_a_plain_count_says,
    statistics::the_last_touch_before_a_conversion_is_credited,
    recipients::recipients_have_clicked_or_not,
    recipients::clicks_are_noted_once_and_gone_with_them,
    by_link_and_hour::hours_ages_and_links_are_those_of_the_clicks,
    by_link_and_hour::links_have_ages_in_local_days,
    by_link_and_hour::weeks_of_several_links_are_told_for_ever,
    recipients::lists_of_recipients_are_bounded,
    visitors::a_visitor_counts_once_a_day_for_a_link_and_for_the_workspace,
    visitors::only_what_was_sent_on_makes_a_visitor,
    visitors::days_end_at_the_zones_midnight,
    visitors::a_click_without_its_day_is_of_nobody,
    visitors::firsts_are_those_of_a_plain_count,
    visitors::visitors_over_days_are_those_who_consented,
    visitors::a_days_salt_is_made_once_and_ends,
    estimates::links_together_are_those_of_a_plain_count,
    estimates::many_visitors_are_within_three_standard_errors,
    estimates::estimates_are_of_links_and_of_days_that_are_known,
    retention::clicks_that_come_too_late_count_once,
    retention::a_purge_meets_a_replay_half_way,
    retention::clicks_are_stored_during_a_purge,
    retention::addresses_go_and_their_networks_stay,
    retention::consented_ids_go_and_their_clicks_stay,
    retention::the_audit_log_is_read_page_by_page_and_forgets_what_is_old,
    retention::answers_say_from_when_on_they_cover_everything,
    retention::workspaces_and_what_they_keep_are_met_page_by_page,
    export::counts_are_met_page_by_page,
    export::losses_are_met_page_by_page,
    dead_letters::they_are_kept_until_they_are_deleted,
    rollups::cells_say_what_their_clicks_say,
    rollups::counted_anew_nothing_is_different,
    capped::what_the_other_range_hides_is_not_told_as_nothing,
    rollups::two_workers_give_each_value_one_number,
    rollups::what_is_folded_is_told_by_days,
    rollups::latency_is_told_by_cells,
    rights::counts_are_those_of_the_clicks_that_are_left,
    rights::what_is_under_way_is_kept_out_and_counted_once,
    rights::what_was_erased_is_never_too_late,
    rights::an_erasure_goes_on_where_it_was_left,
    rights::an_address_is_erased_where_clicks_hold_it,
    rights::a_links_history_goes_with_its_counts,
    forgotten_values::a_text_goes_with_the_last_click_that_has_it,
    forgotten_values::a_text_among_the_others_goes_where_that_can_be_told,
    forgotten_values::texts_go_once_their_parameter_is_not_counted_any_more,
    recipient_erasures::a_recipient_goes_with_their_clicks_and_from_lists,
    recipient_erasures::many_clicks_are_looked_through_step_by_step,
    rights::another_workspaces_are_not_found,
    visitors::salts_that_live_are_told,
    removal::a_deletion_can_be_taken_back_until_it_begins,
    removal::nothing_is_left_of_a_removed_workspace,
    full_cells::values_beyond_the_most_are_counted_as_others,
    full_cells::counts_that_cannot_be_read_keep_no_click_waiting,
    recounts::days_stay_when_hours_are_folded,
    recounts::damaged_cells_are_told_of_and_mended,
    catching_up::a_workspace_from_before_catches_up_while_clicks_come,
    schema::migrating_again_changes_nothing,
    schema::a_newer_database_is_refused,
);
