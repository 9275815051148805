-- The owner sees all rows for as long as this takes.
ALTER TABLE workspace_heads NO FORCE ROW LEVEL SECURITY;
-- Of clicks that were stored before there are none until they are counted anew.
UPDATE workspace_heads SET sketches_from = 9223372036854775807 WHERE head > 0;
ALTER TABLE workspace_heads FORCE ROW LEVEL SECURITY;

GRANT SELECT ON visitor_sketches TO linklogger_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON visitor_sketches TO linklogger_worker, linklogger_eraser;
ALTER TABLE visitor_sketches ENABLE ROW LEVEL SECURITY;
ALTER TABLE visitor_sketches FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON visitor_sketches TO linklogger_api, linklogger_worker, linklogger_eraser
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
