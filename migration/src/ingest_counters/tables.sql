-- {uuid} and {clustered} differ between PostgreSQL and SQLite.
-- Clicks that were answered and could not be kept. A counter's own row holds the largest state of
-- it that has come; the losses of a minute are the sum of its rows.

CREATE TABLE ingest_counters (
    workspace_id {uuid} NOT NULL,
    minute BIGINT NOT NULL,
    reason SMALLINT NOT NULL,
    counter_id {uuid} NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, minute, reason, counter_id)
){clustered};
