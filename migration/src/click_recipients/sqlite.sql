CREATE TRIGGER click_recipients_go_with_clicks AFTER DELETE ON clicks
BEGIN
    DELETE FROM click_recipients WHERE workspace_id = OLD.workspace_id AND click_id = OLD.id;
END;
