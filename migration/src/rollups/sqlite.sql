UPDATE workspace_heads SET day_zone = COALESCE((SELECT w.time_zone FROM workspaces w WHERE w.id = workspace_heads.workspace_id), 'UTC');
-- What was counted before has no dimensions until it is counted anew.
UPDATE workspace_heads SET dimensions_from = 9223372036854775807 WHERE head > 0;

-- grain: 0 a quarter-hour's totals, 1 an hour by dimension, 2 a day of the workspace's zone.
CREATE TABLE rollup_cells_by_grain (
    workspace_id BLOB NOT NULL,
    link_id BLOB NOT NULL,
    grain SMALLINT NOT NULL,
    quarter BIGINT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (workspace_id, link_id, grain, quarter)
) WITHOUT ROWID;
INSERT INTO rollup_cells_by_grain SELECT workspace_id, link_id, 0, quarter, body FROM rollup_cells;
DROP TABLE rollup_cells;
ALTER TABLE rollup_cells_by_grain RENAME TO rollup_cells;
