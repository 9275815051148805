-- {uuid}, {bytes} and {clustered} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- The parameter of short URLs that says to whom a message was sent; null where nobody is to be known.
ALTER TABLE workspaces ADD COLUMN recipient_parameter TEXT;

CREATE TABLE recipient_lists (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    UNIQUE (workspace_id, name)
);

-- Whom something was sent to, by the workspace's own ids; ordered by their bytes on both databases.
CREATE TABLE recipients (
    workspace_id {uuid} NOT NULL,
    list_id {uuid} NOT NULL REFERENCES recipient_lists (id),
    recipient TEXT {bytes} NOT NULL,
    PRIMARY KEY (workspace_id, list_id, recipient)
){clustered};
