GRANT SELECT, INSERT, UPDATE, DELETE ON domains TO linklogger_api;
GRANT SELECT, UPDATE ON domains TO linklogger_lookup;
-- No tenant's rows, so no policies: that a host is in quarantine is told to whoever proves that it is theirs.
GRANT SELECT, INSERT, UPDATE, DELETE ON host_quarantine TO linklogger_api;
GRANT INSERT ON domain_outbox TO linklogger_api;
GRANT SELECT, DELETE ON domain_outbox TO linklogger_lookup;

DO $$
DECLARE owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['domains', 'domain_outbox'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO linklogger_api, linklogger_worker'
            ' USING (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned);
    END LOOP;
END $$;
CREATE POLICY lookup ON domains TO linklogger_lookup USING (true) WITH CHECK (true);
CREATE POLICY lookup ON domain_outbox FOR SELECT TO linklogger_lookup USING (true);
CREATE POLICY clearing ON domain_outbox FOR DELETE TO linklogger_lookup USING (true);

-- The one domain that serves a host.
CREATE FUNCTION linklogger_resolve_host(of_host text)
RETURNS TABLE (id uuid, workspace_id uuid, host text, version integer, settings text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT d.id, d.workspace_id, d.host, d.version, d.settings FROM domains d WHERE d.host = of_host AND d.verified_at IS NOT NULL
$$;

CREATE FUNCTION linklogger_domain_outbox(at_most bigint)
RETURNS TABLE (id bigint, host text, domain_id uuid, version integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT o.id, o.host, o.domain_id, o.version FROM domain_outbox o ORDER BY o.id LIMIT at_most
$$;

CREATE FUNCTION linklogger_clear_domain_outbox(published bigint[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    DELETE FROM domain_outbox WHERE id = ANY (published)
$$;

CREATE FUNCTION linklogger_hosts_after(after_host text, at_most bigint)
RETURNS TABLE (id uuid, workspace_id uuid, host text, version integer, settings text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT d.id, d.workspace_id, d.host, d.version, d.settings FROM domains d
    WHERE d.verified_at IS NOT NULL AND d.host > after_host ORDER BY d.host LIMIT at_most
$$;

-- The domain whose proof is longest due to be looked for; nobody else is given it before `again_at`.
CREATE FUNCTION linklogger_claim_domain_check(due_at bigint, again_at bigint)
RETURNS TABLE (id uuid, workspace_id uuid, host text, token text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    UPDATE domains d SET next_check_at = again_at
    WHERE d.id = (
        SELECT c.id FROM domains c WHERE c.verified_at IS NOT NULL AND c.next_check_at <= due_at
        ORDER BY c.next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING d.id, d.workspace_id, d.host, d.token
$$;

GRANT CREATE ON SCHEMA public TO linklogger_lookup;
DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'resolve_host(text)', 'domain_outbox(bigint)', 'clear_domain_outbox(bigint[])', 'hosts_after(text, bigint)',
        'claim_domain_check(bigint, bigint)'
    ] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION linklogger_%s TO linklogger_api', signature);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
GRANT EXECUTE ON FUNCTION linklogger_resolve_host(text) TO linklogger_redirector;
