-- {uuid} differs between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- What happened at an instant, beside the counts of that time: in a member's words, or noted by the program.
CREATE TABLE annotations (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    at BIGINT NOT NULL,
    -- First instant no longer meant; null for a moment.
    until BIGINT,
    -- 0 a member's own, 1 a link was changed, 2 clicks were judged again, 3 an alert.
    kind SMALLINT NOT NULL,
    text TEXT NOT NULL,
    -- Null for the whole workspace.
    link_id {uuid} REFERENCES links (id),
    -- Null for what the program or an API key noted. No reference: the row outlives the account.
    author_id {uuid},
    created_at BIGINT NOT NULL
);
CREATE INDEX annotations_by_time ON annotations (workspace_id, at, id);
CREATE INDEX annotations_by_kind ON annotations (workspace_id, kind, at, id);
CREATE INDEX annotations_by_link ON annotations (link_id);
