GRANT SELECT, INSERT, UPDATE ON link_permits TO linklogger_api;
GRANT SELECT, UPDATE ON link_permits TO linklogger_lookup;
ALTER TABLE link_permits ENABLE ROW LEVEL SECURITY;
ALTER TABLE link_permits FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON link_permits TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY lookup ON link_permits TO linklogger_lookup USING (true) WITH CHECK (true);

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- What a function returns cannot be changed, so it is made anew.
DROP FUNCTION linklogger_resolve_link(uuid, text);
CREATE FUNCTION linklogger_resolve_link(of_domain uuid, of_folded text)
RETURNS TABLE (
    id uuid, workspace_id uuid, version integer, target_url text, redirect_status smallint, forward_query boolean, deleted boolean,
    disabled boolean, starts_at bigint, expires_at bigint, fallback_url text, password_hash text, click_limit bigint, rules text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT l.id, l.workspace_id, l.version, l.target_url, l.redirect_status, l.forward_query, l.deleted_at IS NOT NULL,
        l.disabled, l.starts_at, l.expires_at, l.fallback_url, l.password_hash, l.click_limit, l.rules
    FROM link_slugs s JOIN links l ON l.id = s.link_id
    WHERE s.domain_id = of_domain AND s.folded = of_folded
$$;

-- The redirector's one way to write: takes permits of a link below its limit, fewer the nearer it is.
CREATE FUNCTION linklogger_lease_permits(of_link uuid, wanted bigint)
RETURNS TABLE (leased bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    UPDATE link_permits p
    SET granted = p.granted + GREATEST(1, LEAST(wanted, (p.click_limit - p.granted) / 8)),
        leased = GREATEST(1, LEAST(wanted, (p.click_limit - p.granted) / 8))
    WHERE p.link_id = of_link AND p.granted < p.click_limit
    RETURNING p.leased
$$;

CREATE FUNCTION linklogger_return_permits(of_link uuid, unused bigint)
RETURNS TABLE (granted bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    UPDATE link_permits p SET granted = GREATEST(0, p.granted - GREATEST(0, unused)) WHERE p.link_id = of_link RETURNING p.granted
$$;

DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['resolve_link(uuid, text)', 'lease_permits(uuid, bigint)', 'return_permits(uuid, bigint)'] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION linklogger_%s TO linklogger_redirector', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION linklogger_resolve_link(uuid, text) TO linklogger_api;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
