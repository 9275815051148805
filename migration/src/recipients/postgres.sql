GRANT SELECT, INSERT, DELETE ON recipient_lists, recipients TO linklogger_api;
GRANT SELECT, DELETE ON recipient_lists, recipients TO linklogger_eraser;

DO $$
DECLARE owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['recipient_lists', 'recipients'] LOOP
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
    END LOOP;
END $$;
