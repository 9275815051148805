-- Clicks go to the partition of their id's month; months are added by `store`, and whatever fits
-- none lands here.
CREATE TABLE clicks_default PARTITION OF clicks DEFAULT;

-- Roles belong to the whole server, so another database of it may have made them already.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['linklogger_api', 'linklogger_worker', 'linklogger_redirector', 'linklogger_lookup'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        -- A superuser needs no grant, and two databases that do this at once need it only once.
        BEGIN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        EXCEPTION WHEN OTHERS THEN
            IF NOT pg_has_role(current_user, name, 'MEMBER') THEN RAISE; END IF;
        END;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO linklogger_api, linklogger_worker, linklogger_redirector, linklogger_lookup;

-- What the installation owns: no tenant's rows, so no policies.
GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, refresh_tokens TO linklogger_api;
GRANT SELECT, INSERT ON signing_keys TO linklogger_api;
GRANT INSERT ON dead_letters TO linklogger_worker;

-- What a workspace owns.
GRANT SELECT, INSERT, UPDATE, DELETE ON workspaces, memberships, links, link_slugs TO linklogger_api;
GRANT SELECT, INSERT ON workspace_heads TO linklogger_api;
GRANT SELECT ON link_stats, rollup_cells, clicks TO linklogger_api;
GRANT SELECT, INSERT, UPDATE ON workspace_heads, link_stats, rollup_cells, clicks TO linklogger_worker;
GRANT SELECT ON workspaces TO linklogger_worker;
GRANT SELECT ON workspaces, memberships, links, link_slugs TO linklogger_lookup;

DO $$
DECLARE
    owned text;
    key text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['workspaces', 'memberships', 'links', 'link_slugs', 'link_stats', 'workspace_heads', 'rollup_cells', 'clicks', 'clicks_default'] LOOP
        key := CASE owned WHEN 'workspaces' THEN 'id' ELSE 'workspace_id' END;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        -- The owner of the tables obeys the policies too.
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        -- Rows are seen and written only in the workspace that the transaction has named; no name, no rows.
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO linklogger_api, linklogger_worker'
            ' USING (%I = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (%I = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned, key, key);
    END LOOP;
    FOREACH owned IN ARRAY ARRAY['workspaces', 'memberships', 'links', 'link_slugs'] LOOP
        EXECUTE format('CREATE POLICY lookup ON %I FOR SELECT TO linklogger_lookup USING (true)', owned);
    END LOOP;
END $$;

-- Look-ups before a workspace is known: the only ways across tenants, each answering one question.

CREATE FUNCTION linklogger_memberships_of(of_user uuid)
RETURNS TABLE (workspace_id uuid, role smallint, name text, slug text, time_zone text, created_at bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT w.id, m.role, w.name, w.slug, w.time_zone, w.created_at
    FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
    WHERE m.user_id = of_user ORDER BY m.created_at, w.id
$$;

CREATE FUNCTION linklogger_resolve_link(of_domain uuid, of_folded text)
RETURNS TABLE (id uuid, workspace_id uuid, version integer, target_url text, redirect_status smallint, forward_query boolean, deleted boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT l.id, l.workspace_id, l.version, l.target_url, l.redirect_status, l.forward_query, l.deleted_at IS NOT NULL
    FROM link_slugs s JOIN links l ON l.id = s.link_id
    WHERE s.domain_id = of_domain AND s.folded = of_folded
$$;

GRANT CREATE ON SCHEMA public TO linklogger_lookup;
ALTER FUNCTION linklogger_memberships_of(uuid) OWNER TO linklogger_lookup;
ALTER FUNCTION linklogger_resolve_link(uuid, text) OWNER TO linklogger_lookup;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
REVOKE ALL ON FUNCTION linklogger_memberships_of(uuid), linklogger_resolve_link(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linklogger_memberships_of(uuid) TO linklogger_api;
GRANT EXECUTE ON FUNCTION linklogger_resolve_link(uuid, text) TO linklogger_api, linklogger_redirector;
