-- A workspace writes its own rows; nobody reads or deletes them but through the functions below.
GRANT INSERT ON link_outbox TO linklogger_api;
GRANT SELECT, DELETE ON link_outbox TO linklogger_lookup;
ALTER TABLE link_outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE link_outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON link_outbox TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY lookup ON link_outbox FOR SELECT TO linklogger_lookup USING (true);
CREATE POLICY clearing ON link_outbox FOR DELETE TO linklogger_lookup USING (true);

-- What feeds the snapshot knows no workspace: it asks which slugs there are, and looks each up by
-- linklogger_resolve_link.

CREATE FUNCTION linklogger_link_outbox(at_most bigint)
RETURNS TABLE (id bigint, domain_id uuid, folded text, link_id uuid, version integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT o.id, o.domain_id, o.folded, o.link_id, o.version FROM link_outbox o ORDER BY o.id LIMIT at_most
$$;

CREATE FUNCTION linklogger_clear_link_outbox(published bigint[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    DELETE FROM link_outbox WHERE id = ANY (published)
$$;

CREATE FUNCTION linklogger_slugs_after(after_domain uuid, after_folded text, at_most bigint)
RETURNS TABLE (domain_id uuid, folded text, link_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT s.domain_id, s.folded, s.link_id FROM link_slugs s
    WHERE (s.domain_id, s.folded) > (after_domain, after_folded)
    ORDER BY s.domain_id, s.folded LIMIT at_most
$$;

GRANT CREATE ON SCHEMA public TO linklogger_lookup;
ALTER FUNCTION linklogger_link_outbox(bigint) OWNER TO linklogger_lookup;
ALTER FUNCTION linklogger_clear_link_outbox(bigint[]) OWNER TO linklogger_lookup;
ALTER FUNCTION linklogger_slugs_after(uuid, text, bigint) OWNER TO linklogger_lookup;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
REVOKE ALL ON FUNCTION linklogger_link_outbox(bigint), linklogger_clear_link_outbox(bigint[]), linklogger_slugs_after(uuid, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linklogger_link_outbox(bigint), linklogger_clear_link_outbox(bigint[]), linklogger_slugs_after(uuid, text, bigint) TO linklogger_api;
