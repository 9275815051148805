-- {uuid} and {clustered} differ between PostgreSQL and SQLite. Quarter-hours are counted from 1970, UTC.

-- The zone of the days that cells are of.
ALTER TABLE workspace_heads ADD COLUMN day_zone TEXT NOT NULL DEFAULT 'UTC';
-- Cells have dimensions from this quarter-hour on, which begins a day; the largest number where none has.
ALTER TABLE workspace_heads ADD COLUMN dimensions_from BIGINT NOT NULL DEFAULT 0;
-- Dimensions of times before this quarter-hour are kept by the day only.
ALTER TABLE workspace_heads ADD COLUMN folded_before BIGINT NOT NULL DEFAULT 0;
-- The first number that no value has yet.
ALTER TABLE workspace_heads ADD COLUMN next_value BIGINT NOT NULL DEFAULT 2;
-- Query parameters that are counted, as JSON: [{"key", "block", "since"}].
ALTER TABLE workspace_heads ADD COLUMN counted_parameters TEXT NOT NULL DEFAULT '[]';

-- The values that cells know by number.
CREATE TABLE rollup_values (
    workspace_id {uuid} NOT NULL,
    block INTEGER NOT NULL,
    value TEXT NOT NULL,
    id BIGINT NOT NULL,
    -- Of links, whose value is the same as a text.
    link_id {uuid},
    PRIMARY KEY (workspace_id, block, value)
){clustered};
CREATE UNIQUE INDEX rollup_values_by_id ON rollup_values (workspace_id, block, id);
