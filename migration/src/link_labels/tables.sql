-- {uuid}, {clustered} and {by_bytes} differ between PostgreSQL and SQLite.

-- Null for none.
ALTER TABLE links ADD COLUMN folder TEXT;

-- At most 20 of a link.
CREATE TABLE link_tags (
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    -- Folded; the name is as it was written.
    tag TEXT NOT NULL,
    link_id {uuid} NOT NULL REFERENCES links (id),
    name TEXT NOT NULL,
    position SMALLINT NOT NULL,
    PRIMARY KEY (workspace_id, tag, link_id)
){clustered};
CREATE INDEX link_tags_by_link ON link_tags (workspace_id, link_id);

-- At most 20 of a link.
CREATE TABLE link_metadata (
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    link_id {uuid} NOT NULL REFERENCES links (id),
    key TEXT NOT NULL,
    -- As filters name it; of what kind it was is told by `kind`.
    value TEXT NOT NULL,
    kind SMALLINT NOT NULL,
    position SMALLINT NOT NULL,
    PRIMARY KEY (workspace_id, link_id, key)
){clustered};
CREATE INDEX link_metadata_by_value ON link_metadata (workspace_id, key, value);

CREATE INDEX links_by_folder ON links (workspace_id, folder);
-- What lists are ordered by. Counts of clicks have no index: each click would have to change it.
CREATE INDEX links_by_creation ON links (workspace_id, created_at, id);
CREATE INDEX links_by_update ON links (workspace_id, updated_at, id);
CREATE INDEX links_by_slug ON links (workspace_id, (lower(slug){by_bytes}), id);
