-- The owner sees all rows for as long as this takes.
ALTER TABLE workspaces NO FORCE ROW LEVEL SECURITY;
ALTER TABLE workspace_heads NO FORCE ROW LEVEL SECURITY;
UPDATE workspace_heads h SET day_zone = w.time_zone FROM workspaces w WHERE w.id = h.workspace_id;
-- What was counted before has no dimensions until it is counted anew.
UPDATE workspace_heads SET dimensions_from = 9223372036854775807 WHERE head > 0;
ALTER TABLE workspaces FORCE ROW LEVEL SECURITY;
ALTER TABLE workspace_heads FORCE ROW LEVEL SECURITY;

-- grain: 0 a quarter-hour's totals, 1 an hour by dimension, 2 a day of the workspace's zone.
ALTER TABLE rollup_cells ADD COLUMN grain SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE rollup_cells DROP CONSTRAINT rollup_cells_pkey;
ALTER TABLE rollup_cells ADD PRIMARY KEY (workspace_id, link_id, grain, quarter);

GRANT SELECT ON rollup_values TO linklogger_api, linklogger_lookup;
GRANT SELECT, INSERT ON rollup_values TO linklogger_worker;
GRANT SELECT, INSERT, DELETE ON rollup_values TO linklogger_eraser;
GRANT UPDATE (counted_parameters) ON workspace_heads TO linklogger_api;
ALTER TABLE rollup_values ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollup_values FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rollup_values TO linklogger_api, linklogger_worker, linklogger_eraser
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
