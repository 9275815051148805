-- The owner is held to policies as well, and names no workspace here.
ALTER TABLE links NO FORCE ROW LEVEL SECURITY;
INSERT INTO rule_names (workspace_id, rule_id, name)
SELECT l.workspace_id, (r.value ->> 'id')::uuid, r.value ->> 'name'
FROM links l, jsonb_array_elements(l.rules::jsonb -> 'rules') AS r (value)
WHERE l.rules IS NOT NULL
ON CONFLICT (workspace_id, rule_id) DO NOTHING;
ALTER TABLE links FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE ON rule_names TO linklogger_api;
GRANT SELECT, DELETE ON rule_names TO linklogger_eraser;
ALTER TABLE rule_names ENABLE ROW LEVEL SECURITY;
ALTER TABLE rule_names FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rule_names TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY eraser ON rule_names TO linklogger_eraser
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
