GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys, signing_secrets TO linklogger_api;
GRANT SELECT ON api_keys, signing_secrets TO linklogger_lookup;
GRANT UPDATE (last_used_at) ON api_keys TO linklogger_lookup;
-- A workspace writes its own rows; nobody reads or deletes them but through the functions below.
GRANT INSERT ON policy_outbox TO linklogger_api;
GRANT SELECT, DELETE ON policy_outbox TO linklogger_lookup;

DO $$
DECLARE owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['api_keys', 'signing_secrets', 'policy_outbox'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO linklogger_api, linklogger_worker'
            ' USING (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned);
        EXECUTE format('CREATE POLICY lookup ON %I FOR SELECT TO linklogger_lookup USING (true)', owned);
    END LOOP;
END $$;
CREATE POLICY touching ON api_keys FOR UPDATE TO linklogger_lookup USING (true) WITH CHECK (true);
CREATE POLICY clearing ON policy_outbox FOR DELETE TO linklogger_lookup USING (true);

-- Look-ups before a workspace is known: whose key is this, and what does that workspace decide.

CREATE FUNCTION linklogger_api_key(of_key uuid)
RETURNS TABLE (id uuid, workspace_id uuid, hash bytea, scopes text, networks text, version integer, expires_at bigint, revoked_at bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT k.id, k.workspace_id, k.hash, k.scopes, k.networks, k.version, k.expires_at, k.revoked_at FROM api_keys k WHERE k.id = of_key
$$;

CREATE FUNCTION linklogger_workspace_policy(of_workspace uuid)
RETURNS TABLE (policy_version integer, referrer_policy text, sealed text, valid_until bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT w.policy_version, w.referrer_policy, s.sealed, s.valid_until
    FROM workspaces w LEFT JOIN signing_secrets s ON s.workspace_id = w.id
    WHERE w.id = of_workspace ORDER BY s.id DESC
$$;

-- At most once a minute.
CREATE FUNCTION linklogger_touch_api_key(of_key uuid, used_at bigint) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    UPDATE api_keys SET last_used_at = used_at WHERE id = of_key AND (last_used_at IS NULL OR last_used_at <= used_at - 60000)
$$;

-- What feeds the snapshot knows no workspace: it asks what changed, and looks each up by the functions above.

CREATE FUNCTION linklogger_policy_outbox(at_most bigint)
RETURNS TABLE (id bigint, kind smallint, subject uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT o.id, o.kind, o.subject FROM policy_outbox o ORDER BY o.id LIMIT at_most
$$;

CREATE FUNCTION linklogger_clear_policy_outbox(published bigint[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    DELETE FROM policy_outbox WHERE id = ANY (published)
$$;

CREATE FUNCTION linklogger_policies_after(of_kind smallint, after_id uuid, at_most bigint)
RETURNS TABLE (subject uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT subject FROM (
        SELECT k.id AS subject FROM api_keys k WHERE of_kind = 0 AND k.id > after_id
        UNION ALL
        SELECT w.id FROM workspaces w WHERE of_kind = 1 AND w.policy_version > 0 AND w.id > after_id
    ) subjects ORDER BY subject LIMIT at_most
$$;

GRANT CREATE ON SCHEMA public TO linklogger_lookup;
DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['api_key(uuid)', 'workspace_policy(uuid)', 'touch_api_key(uuid, bigint)', 'policy_outbox(bigint)', 'clear_policy_outbox(bigint[])', 'policies_after(smallint, uuid, bigint)'] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION linklogger_%s TO linklogger_api', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION linklogger_api_key(uuid), linklogger_workspace_policy(uuid), linklogger_touch_api_key(uuid, bigint) TO linklogger_redirector;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
