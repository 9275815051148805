-- The one role that deletes what workspaces own, within the workspace that the transaction has named.
DO $$
BEGIN
    BEGIN
        CREATE ROLE linklogger_eraser NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    BEGIN
        GRANT linklogger_eraser TO CURRENT_USER;
    EXCEPTION WHEN OTHERS THEN
        IF NOT pg_has_role(current_user, 'linklogger_eraser', 'MEMBER') THEN RAISE; END IF;
    END;
END $$;

GRANT USAGE ON SCHEMA public TO linklogger_eraser;

-- What ingest asks before it stores, and adds when something is kept out.
GRANT SELECT ON erasures, erasure_salts TO linklogger_worker;
GRANT SELECT, INSERT ON erased TO linklogger_worker;
GRANT SELECT, DELETE ON erasures, erasure_salts, erased TO linklogger_lookup;

DO $$
DECLARE
    owned text;
    key text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['erasures', 'erasure_salts', 'erased'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO linklogger_api, linklogger_worker'
            ' USING (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned);
        EXECUTE format('CREATE POLICY lookup ON %I TO linklogger_lookup USING (true) WITH CHECK (true)', owned);
    END LOOP;
    -- Every table of workspaces that there is by now; partitions are reached through their table.
    FOR owned IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND (a.attname = 'workspace_id' OR c.relname = 'workspaces' AND a.attname = 'id') AND c.relname <> 'host_quarantine'
    LOOP
        key := CASE owned WHEN 'workspaces' THEN 'id' ELSE 'workspace_id' END;
        EXECUTE format('GRANT SELECT, DELETE ON %I TO linklogger_eraser', owned);
        EXECUTE format(
            'CREATE POLICY eraser ON %I TO linklogger_eraser'
            ' USING (%I = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (%I = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned, key, key);
    END LOOP;
END $$;

GRANT UPDATE ON workspaces, workspace_heads, clicks, link_stats, erasures, erased TO linklogger_eraser;
GRANT INSERT, UPDATE ON rollup_cells TO linklogger_eraser;
GRANT INSERT ON erasures, erasure_salts, erased, link_outbox, domain_outbox, policy_outbox TO linklogger_eraser;
GRANT SELECT, INSERT, UPDATE, DELETE ON host_quarantine TO linklogger_eraser;
GRANT SELECT, DELETE ON users, sessions, refresh_tokens TO linklogger_eraser;

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- Whether a workspace is to be deleted, so that its links lead nowhere.
CREATE FUNCTION linklogger_workspace_closed(of_workspace uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT EXISTS (SELECT 1 FROM workspaces w WHERE w.id = of_workspace AND w.deletion_at IS NOT NULL)
$$;

-- What was begun and not finished.
CREATE FUNCTION linklogger_open_erasures(asked_until bigint, at_most bigint)
RETURNS TABLE (id uuid, workspace_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT e.id, e.workspace_id FROM erasures e WHERE e.done_at IS NULL AND e.asked_at <= asked_until ORDER BY e.asked_at LIMIT at_most
$$;

CREATE FUNCTION linklogger_due_removals(due_at bigint)
RETURNS TABLE (id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT w.id FROM workspaces w WHERE w.deletion_at <= due_at ORDER BY w.deletion_at
$$;

-- Forgets what cannot come back any more, at most so many at a time.
CREATE FUNCTION linklogger_forget_erased(at_time bigint, at_most bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    forgotten bigint;
BEGIN
    DELETE FROM erased e USING (SELECT o.workspace_id, o.hash FROM erased o WHERE o.until <= at_time LIMIT at_most) old
    WHERE e.workspace_id = old.workspace_id AND e.hash = old.hash;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    IF forgotten < at_most THEN
        DELETE FROM erasure_salts s WHERE s.until <= at_time;
        DELETE FROM erasures e WHERE e.until <= at_time AND e.done_at IS NOT NULL;
    END IF;
    RETURN forgotten;
END
$$;

-- The members of a workspace who have no other.
CREATE FUNCTION linklogger_lone_members(of_workspace uuid)
RETURNS TABLE (user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT m.user_id FROM memberships m WHERE m.workspace_id = of_workspace
        AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.user_id = m.user_id AND o.workspace_id <> of_workspace)
$$;

DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'workspace_closed(uuid)', 'open_erasures(bigint, bigint)', 'due_removals(bigint)', 'forget_erased(bigint, bigint)', 'lone_members(uuid)'
    ] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION linklogger_workspace_closed(uuid) TO linklogger_api, linklogger_redirector;
GRANT EXECUTE ON FUNCTION linklogger_open_erasures(bigint, bigint), linklogger_due_removals(bigint), linklogger_forget_erased(bigint, bigint) TO linklogger_worker;
GRANT EXECUTE ON FUNCTION linklogger_lone_members(uuid) TO linklogger_eraser;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
