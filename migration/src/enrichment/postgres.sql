GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- What a function returns cannot be changed, so it is made anew.
DROP FUNCTION linklogger_workspace_policy(uuid);
CREATE FUNCTION linklogger_workspace_policy(of_workspace uuid)
RETURNS TABLE (policy_version integer, referrer_policy text, privacy text, sealed text, valid_until bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT w.policy_version, w.referrer_policy, w.privacy, s.sealed, s.valid_until
    FROM workspaces w LEFT JOIN signing_secrets s ON s.workspace_id = w.id
    WHERE w.id = of_workspace ORDER BY s.id DESC
$$;

-- A batch of clicks belongs to many workspaces, and what each decided is needed before any is stored.
CREATE FUNCTION linklogger_ingest_settings(of_workspaces uuid[])
RETURNS TABLE (id uuid, time_zone text, privacy text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT w.id, w.time_zone, w.privacy FROM workspaces w WHERE w.id = ANY (of_workspaces)
$$;

DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['workspace_policy(uuid)', 'ingest_settings(uuid[])'] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION linklogger_workspace_policy(uuid) TO linklogger_api, linklogger_redirector;
GRANT EXECUTE ON FUNCTION linklogger_ingest_settings(uuid[]) TO linklogger_worker;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
