-- {uuid} differs between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- What is done in the background for a workspace, in steps: after each one it is known how far it is.
CREATE TABLE jobs (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    kind SMALLINT NOT NULL,
    status SMALLINT NOT NULL,
    -- What was asked for, as JSON.
    input TEXT NOT NULL,
    -- The last click that is done with.
    position {uuid} NOT NULL,
    looked BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    -- Until then a process is at it.
    leased_until BIGINT NOT NULL
);
CREATE INDEX jobs_open ON jobs (created_at) WHERE finished_at IS NULL;
CREATE INDEX jobs_of_workspace ON jobs (workspace_id, id);
