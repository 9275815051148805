GRANT SELECT, INSERT ON audit_log TO linklogger_api, linklogger_worker;
GRANT SELECT, DELETE ON audit_log TO linklogger_lookup;
GRANT SELECT, DELETE ON clicks TO linklogger_lookup;
GRANT SELECT ON workspace_heads TO linklogger_lookup;

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_log TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
-- In the functions as well, only the named workspace's rows are seen and deleted.
CREATE POLICY purge ON audit_log TO linklogger_lookup
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY purge ON clicks TO linklogger_lookup
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY lookup ON workspace_heads FOR SELECT TO linklogger_lookup USING (true);

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- The smallest id that can be made at an instant.
CREATE FUNCTION linklogger_id_floor(instant bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$
    SELECT (lpad(to_hex(GREATEST(instant, 0)), 12, '0') || repeat('0', 20))::uuid
$$;

-- What workspaces keep, page by page.
CREATE FUNCTION linklogger_retention_after(of_workspace uuid, most integer)
RETURNS TABLE (id uuid, time_zone text, privacy text, kept_from bigint, cleared_to bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT w.id, w.time_zone, w.privacy, COALESCE(h.kept_from, 0), COALESCE(h.cleared_to, 0)
    FROM workspaces w LEFT JOIN workspace_heads h ON h.workspace_id = w.id
    WHERE w.id > of_workspace ORDER BY w.id LIMIT most
$$;

-- Deletes at most so many of the named workspace's clicks from before its watermark, and none from after it.
CREATE FUNCTION linklogger_purge_clicks(most integer)
RETURNS TABLE (deleted bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    named uuid := NULLIF(current_setting('app.workspace', true), '')::uuid;
    before uuid;
    past uuid[];
BEGIN
    SELECT linklogger_id_floor(h.kept_from) INTO before FROM workspace_heads h WHERE h.workspace_id = named;
    past := ARRAY(SELECT c.id FROM clicks c WHERE c.workspace_id = named AND c.id < before ORDER BY c.id LIMIT most);
    RETURN QUERY
        WITH gone AS (DELETE FROM clicks c WHERE c.id = ANY (past) AND c.id < before RETURNING c.seq)
        SELECT count(*), COALESCE(max(g.seq), 0) FROM gone g;
END
$$;

-- Forgets at most so much of what was done in the named workspace; nothing of the last 30 days, whatever
-- is asked for.
CREATE FUNCTION linklogger_purge_audit(until bigint, most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    named uuid := NULLIF(current_setting('app.workspace', true), '')::uuid;
    before uuid := linklogger_id_floor(LEAST(until, (extract(epoch FROM now()) * 1000)::bigint - 2592000000));
    forgotten bigint;
BEGIN
    DELETE FROM audit_log a WHERE a.workspace_id = named AND a.id IN (
        SELECT o.id FROM audit_log o WHERE o.workspace_id = named AND o.id < before ORDER BY o.id LIMIT most
    );
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END
$$;

-- Whether no workspace has a click from before this instant, nor will store one.
CREATE FUNCTION linklogger_is_unused_before(instant bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT NOT EXISTS (SELECT 1 FROM workspace_heads h WHERE h.cleared_to < instant)
$$;

DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'id_floor(bigint)', 'retention_after(uuid, integer)', 'purge_clicks(integer)', 'purge_audit(bigint, integer)',
        'is_unused_before(bigint)'
    ] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION linklogger_%s TO linklogger_worker', signature);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
