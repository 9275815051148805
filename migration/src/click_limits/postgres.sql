GRANT SELECT, INSERT, DELETE ON link_leases TO linklogger_lookup;
GRANT DELETE ON link_permits TO linklogger_lookup;
ALTER TABLE link_leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE link_leases FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON link_leases TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY lookup ON link_leases TO linklogger_lookup USING (true) WITH CHECK (true);

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- What a function returns cannot be changed, so it is made anew.
DROP FUNCTION linklogger_resolve_link(uuid, text);
CREATE FUNCTION linklogger_resolve_link(of_domain uuid, of_folded text)
RETURNS TABLE (
    id uuid, workspace_id uuid, version integer, target_url text, redirect_status smallint, forward_query boolean, deleted boolean,
    disabled boolean, starts_at bigint, expires_at bigint, fallback_url text, password_hash text, click_limit bigint, rules text,
    click_limit_mode smallint
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT l.id, l.workspace_id, l.version, l.target_url, l.redirect_status, l.forward_query, l.deleted_at IS NOT NULL,
        l.disabled, l.starts_at, l.expires_at, l.fallback_url, l.password_hash, l.click_limit, l.rules, l.click_limit_mode
    FROM link_slugs s JOIN links l ON l.id = s.link_id
    WHERE s.domain_id = of_domain AND s.folded = of_folded
$$;

-- The redirector's ways to write, one at a time for each link: its row is locked first.
DROP FUNCTION linklogger_lease_permits(uuid, bigint);
DROP FUNCTION linklogger_return_permits(uuid, bigint);

-- A block of permits: at_least as far as the limit allows, beyond that an eighth of what is left.
-- Nothing for a link without a limit or of another workspace; the same again for the same block.
CREATE FUNCTION linklogger_lease_permits(
    of_lease uuid, of_link uuid, of_workspace uuid, at_least bigint, at_most bigint, at_time bigint, remember_until bigint
)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    available bigint;
    block bigint;
BEGIN
    SELECT p.click_limit - p.granted INTO available FROM link_permits p
    WHERE p.link_id = of_link AND p.workspace_id = of_workspace FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM link_leases l WHERE l.link_id = of_link AND l.until <= at_time;
    SELECT l.permits INTO block FROM link_leases l WHERE l.id = of_lease AND l.link_id = of_link;
    IF FOUND THEN
        RETURN block;
    END IF;
    block := LEAST(available, GREATEST(at_least, LEAST(at_most, available / 8)));
    IF block <= 0 THEN
        RETURN 0;
    END IF;
    UPDATE link_permits p SET granted = p.granted + block WHERE p.link_id = of_link;
    INSERT INTO link_leases (id, link_id, workspace_id, permits, until) VALUES (of_lease, of_link, of_workspace, block, remember_until);
    RETURN block;
END
$$;

-- True the first time a block that is remembered is given back.
CREATE FUNCTION linklogger_return_permits(of_lease uuid, of_link uuid, of_workspace uuid, unused bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    block bigint;
BEGIN
    PERFORM 1 FROM link_permits p WHERE p.link_id = of_link AND p.workspace_id = of_workspace FOR UPDATE;
    DELETE FROM link_leases l WHERE l.id = of_lease AND l.link_id = of_link AND l.workspace_id = of_workspace RETURNING l.permits INTO block;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE link_permits p SET granted = GREATEST(0, p.granted - LEAST(block, GREATEST(0, unused))) WHERE p.link_id = of_link;
    RETURN true;
END
$$;

-- Forgets blocks whose time is over, and what was granted of links that have had no limit since, or
-- were deleted before.
CREATE FUNCTION linklogger_clean_permits(at_time bigint, since bigint) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    DELETE FROM link_leases l WHERE l.until <= at_time;
    DELETE FROM link_permits p WHERE NOT EXISTS (
        SELECT 1 FROM links l WHERE l.id = p.link_id AND (l.deleted_at IS NULL OR l.deleted_at >= since)
            AND (l.click_limit IS NOT NULL OR l.updated_at >= since)
    );
$$;

DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'resolve_link(uuid, text)', 'lease_permits(uuid, uuid, uuid, bigint, bigint, bigint, bigint)',
        'return_permits(uuid, uuid, uuid, bigint)', 'clean_permits(bigint, bigint)'
    ] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION linklogger_%s TO linklogger_redirector', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION linklogger_resolve_link(uuid, text) TO linklogger_api;
REVOKE ALL ON FUNCTION linklogger_clean_permits(bigint, bigint) FROM linklogger_redirector;
GRANT EXECUTE ON FUNCTION linklogger_clean_permits(bigint, bigint) TO linklogger_worker;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
