GRANT SELECT ON ingest_counters TO linklogger_api;
GRANT SELECT, INSERT, UPDATE ON ingest_counters TO linklogger_worker;

ALTER TABLE ingest_counters ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest_counters FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ingest_counters TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
