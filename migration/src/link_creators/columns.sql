-- {uuid} differs between PostgreSQL and SQLite.
-- The user who made it, or whose API key did; null where that was not noted. Users may be gone, so nothing points to them.
ALTER TABLE links ADD COLUMN created_by {uuid};
CREATE INDEX links_by_creator ON links (workspace_id, created_by);
ALTER TABLE api_keys ADD COLUMN created_by {uuid};
