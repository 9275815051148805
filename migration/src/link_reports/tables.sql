-- {uuid} differs between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- What previews of a link show besides its title.
ALTER TABLE links ADD COLUMN description TEXT;
ALTER TABLE links ADD COLUMN image_url TEXT;

-- What visitors say is wrong with a link; nothing of who says so. When it came is in its id.
CREATE TABLE link_reports (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    link_id {uuid} NOT NULL REFERENCES links (id),
    reason TEXT NOT NULL,
    text TEXT,
    resolved_at BIGINT
);
CREATE INDEX link_reports_open ON link_reports (workspace_id, id) WHERE resolved_at IS NULL;
CREATE INDEX link_reports_by_link ON link_reports (link_id);
