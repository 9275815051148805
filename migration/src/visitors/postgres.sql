-- Only the worker sees salts.
GRANT SELECT, INSERT ON visitor_salts, visitor_days TO linklogger_worker;
GRANT SELECT, UPDATE, DELETE ON visitor_salts TO linklogger_lookup;
GRANT SELECT, DELETE ON visitor_days TO linklogger_lookup;

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['visitor_salts', 'visitor_days'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO linklogger_api, linklogger_worker'
            ' USING (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)'
            ' WITH CHECK (workspace_id = NULLIF(current_setting(''app.workspace'', true), '''')::uuid)', owned);
        EXECUTE format('CREATE POLICY lookup ON %I TO linklogger_lookup USING (true) WITH CHECK (true)', owned);
    END LOOP;
END $$;

GRANT CREATE ON SCHEMA public TO linklogger_lookup;

-- Destroys salts that were used until then, and forgets at most so many of the visitors of their days; a
-- salt's row stays while there are more.
CREATE FUNCTION linklogger_destroy_salts(until bigint, most integer)
RETURNS TABLE (salts bigint, visitors bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    UPDATE visitor_salts s SET salt = '' WHERE s.used_until <= until AND s.salt <> '';
    GET DIAGNOSTICS salts = ROW_COUNT;
    DELETE FROM visitor_days d USING (
        SELECT v.workspace_id, v.day, v.link_id, v.visitor
        FROM visitor_salts s JOIN visitor_days v ON v.workspace_id = s.workspace_id AND v.day = s.day
        WHERE s.used_until <= until LIMIT most
    ) gone
    WHERE d.workspace_id = gone.workspace_id AND d.day = gone.day AND d.link_id = gone.link_id AND d.visitor = gone.visitor;
    GET DIAGNOSTICS visitors = ROW_COUNT;
    IF visitors < most THEN
        DELETE FROM visitor_salts s WHERE s.used_until <= until;
    END IF;
    RETURN NEXT;
END
$$;
ALTER FUNCTION linklogger_destroy_salts(bigint, integer) OWNER TO linklogger_lookup;
REVOKE ALL ON FUNCTION linklogger_destroy_salts(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linklogger_destroy_salts(bigint, integer) TO linklogger_worker;
REVOKE CREATE ON SCHEMA public FROM linklogger_lookup;
