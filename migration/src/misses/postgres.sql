GRANT SELECT ON misses, miss_counts TO linklogger_api;
GRANT SELECT, INSERT ON misses TO linklogger_worker;
GRANT SELECT, INSERT, UPDATE ON miss_counts TO linklogger_worker;
GRANT SELECT, DELETE ON misses TO linklogger_lookup;
GRANT SELECT, DELETE ON misses, miss_counts TO linklogger_eraser;

DO $$
DECLARE
    owned text;
    named text := '(workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)';
BEGIN
    FOREACH owned IN ARRAY ARRAY['misses', 'miss_counts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO linklogger_api, linklogger_worker USING %s WITH CHECK %s', owned, named, named);
        EXECUTE format('CREATE POLICY eraser ON %I TO linklogger_eraser USING %s WITH CHECK %s', owned, named, named);
    END LOOP;
END $$;
-- In the function as well, only the named workspace's rows are seen and deleted.
CREATE POLICY purge ON misses TO linklogger_lookup
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- Deletes at most so many of the named workspace's misses from before its watermark, and none from after it.
CREATE FUNCTION linklogger_purge_misses(most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    named uuid := NULLIF(current_setting('app.workspace', true), '')::uuid;
    before uuid;
    deleted bigint;
BEGIN
    SELECT linklogger_id_floor(h.kept_from) INTO before FROM workspace_heads h WHERE h.workspace_id = named;
    DELETE FROM misses m WHERE m.workspace_id = named AND m.id IN (
        SELECT o.id FROM misses o WHERE o.workspace_id = named AND o.id < before ORDER BY o.id LIMIT most
    );
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

ALTER FUNCTION linklogger_purge_misses(integer) OWNER TO linklogger_lookup;
REVOKE ALL ON FUNCTION linklogger_purge_misses(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linklogger_purge_misses(integer) TO linklogger_worker;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
