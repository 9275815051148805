GRANT SELECT, INSERT, DELETE ON click_recipients TO linklogger_api;
-- Whoever may delete clicks.
GRANT SELECT, DELETE ON click_recipients TO linklogger_eraser, linklogger_lookup;
ALTER TABLE click_recipients ENABLE ROW LEVEL SECURITY;
ALTER TABLE click_recipients FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON click_recipients TO linklogger_api, linklogger_worker
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);
CREATE POLICY eraser ON click_recipients TO linklogger_eraser, linklogger_lookup
    USING (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = NULLIF(current_setting('app.workspace', true), '')::uuid);

CREATE FUNCTION linklogger_forget_recipients() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public
AS $$
BEGIN
    DELETE FROM click_recipients r USING gone g WHERE r.workspace_id = g.workspace_id AND r.click_id = g.id;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION linklogger_forget_recipients() FROM PUBLIC;
CREATE TRIGGER click_recipients_go_with_clicks AFTER DELETE ON clicks
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION linklogger_forget_recipients();
