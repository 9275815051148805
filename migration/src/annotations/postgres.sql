GRANT SELECT, INSERT, UPDATE, DELETE ON annotations TO linklogger_api;
-- Whoever judges clicks again notes that it is done.
GRANT SELECT, INSERT ON annotations TO linklogger_worker;
ALTER TABLE annotations ENABLE ROW LEVEL SECURITY;
ALTER TABLE annotations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON annotations TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
GRANT SELECT, DELETE ON annotations TO linklogger_eraser;
CREATE POLICY eraser ON annotations TO linklogger_eraser
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);

-- Exports that were asked for make room for later ones.
GRANT DELETE ON jobs TO linklogger_api;
