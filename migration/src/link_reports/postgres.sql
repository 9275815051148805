GRANT SELECT, INSERT, UPDATE ON link_reports TO linklogger_api;
ALTER TABLE link_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE link_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON link_reports TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- Beside linklogger_resolve_link, whose columns need not change for it.
CREATE FUNCTION linklogger_link_card(of_link uuid)
RETURNS TABLE (title text, description text, image_url text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT l.title, l.description, l.image_url FROM links l WHERE l.id = of_link
$$;

-- A report names the link only.
CREATE FUNCTION linklogger_workspace_of_link(of_link uuid)
RETURNS TABLE (workspace_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT l.workspace_id FROM links l WHERE l.id = of_link
$$;

ALTER FUNCTION linklogger_link_card(uuid) OWNER TO linklogger_lookup;
ALTER FUNCTION linklogger_workspace_of_link(uuid) OWNER TO linklogger_lookup;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
REVOKE ALL ON FUNCTION linklogger_link_card(uuid), linklogger_workspace_of_link(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linklogger_link_card(uuid) TO linklogger_redirector, linklogger_api;
GRANT EXECUTE ON FUNCTION linklogger_workspace_of_link(uuid) TO linklogger_api;
