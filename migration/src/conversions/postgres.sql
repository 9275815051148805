-- Whoever notes what a click led to holds the click's row meanwhile, as the worker may, so that the click
-- and what is known of it go together.
GRANT SELECT, INSERT ON conversions, engagements TO linklogger_worker;
GRANT SELECT ON conversions, engagements TO linklogger_api;
GRANT SELECT, DELETE ON conversions, engagements TO linklogger_eraser, linklogger_lookup;

DO $$
DECLARE owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['conversions', 'engagements'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO linklogger_api, linklogger_worker'
            ' USING (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned);
        EXECUTE format(
            'CREATE POLICY eraser ON %I TO linklogger_eraser'
            ' USING (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned);
        EXECUTE format(
            'CREATE POLICY purge ON %I TO linklogger_lookup'
            ' USING (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned);
    END LOOP;
END $$;

-- A pixel names the click only, so that one click is seen for as long as it is named.
CREATE POLICY lookup ON clicks FOR SELECT TO linklogger_lookup USING (id = NULLIF(current_setting('app.click', true), '')::uuid);

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- Beside linklogger_resolve_link, whose columns need not change for it.
CREATE FUNCTION linklogger_link_appends(of_link uuid)
RETURNS TABLE (append_click_id boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT l.append_click_id FROM links l WHERE l.id = of_link
$$;

CREATE FUNCTION linklogger_workspace_of_click(of_click uuid)
RETURNS TABLE (workspace_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM set_config('app.click', of_click::text, true);
    RETURN QUERY SELECT c.workspace_id FROM clicks c WHERE c.id = of_click;
    PERFORM set_config('app.click', '', true);
END
$$;

-- Deletes at most so many of each of the named workspace's conversions and engagements of clicks from before
-- its watermark, and says of how many.
CREATE FUNCTION linklogger_purge_conversions(most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    named uuid := NULLIF(current_setting('app.workspace', true), '')::uuid;
    before uuid;
    conversions_gone bigint;
    engagements_gone bigint;
BEGIN
    SELECT linklogger_id_floor(h.kept_from) INTO before FROM workspace_heads h WHERE h.workspace_id = named;
    DELETE FROM conversions c WHERE c.workspace_id = named AND c.event_id IN (
        SELECT o.event_id FROM conversions o WHERE o.workspace_id = named AND o.click_id < before ORDER BY o.click_id LIMIT most
    );
    GET DIAGNOSTICS conversions_gone = ROW_COUNT;
    DELETE FROM engagements e WHERE e.workspace_id = named AND e.click_id IN (
        SELECT o.click_id FROM engagements o WHERE o.workspace_id = named AND o.click_id < before ORDER BY o.click_id LIMIT most
    );
    GET DIAGNOSTICS engagements_gone = ROW_COUNT;
    RETURN GREATEST(conversions_gone, engagements_gone);
END
$$;

DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['link_appends(uuid)', 'workspace_of_click(uuid)', 'purge_conversions(integer)'] LOOP
        EXECUTE format('ALTER FUNCTION linklogger_%s OWNER TO linklogger_lookup', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION linklogger_%s FROM PUBLIC', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION linklogger_link_appends(uuid) TO linklogger_redirector, linklogger_api;
GRANT EXECUTE ON FUNCTION linklogger_workspace_of_click(uuid) TO linklogger_api;
GRANT EXECUTE ON FUNCTION linklogger_purge_conversions(integer) TO linklogger_worker;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
