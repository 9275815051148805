GRANT SELECT, INSERT ON jobs TO linklogger_api;
GRANT SELECT, UPDATE ON jobs TO linklogger_worker, linklogger_lookup;
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON jobs TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY lookup ON jobs TO linklogger_lookup USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON jobs TO linklogger_eraser;
CREATE POLICY eraser ON jobs TO linklogger_eraser
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- Takes the oldest job that nobody is at, of whatever workspace.
CREATE FUNCTION linklogger_claim_job(at bigint, until bigint)
RETURNS TABLE (id uuid, workspace_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    UPDATE jobs j SET leased_until = until, status = 1
    WHERE j.id = (
        SELECT o.id FROM jobs o WHERE o.finished_at IS NULL AND o.leased_until <= at
        ORDER BY o.created_at, o.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING j.id, j.workspace_id
$$;

-- All workspaces, page by page.
CREATE FUNCTION linklogger_workspaces_after(of_workspace uuid, most integer)
RETURNS TABLE (id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT w.id FROM workspaces w WHERE w.id > of_workspace ORDER BY w.id LIMIT most
$$;

DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['claim_job(bigint, bigint)', 'workspaces_after(uuid, integer)'] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION linklogger_%s TO linklogger_worker', signature);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
