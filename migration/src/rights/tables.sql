-- {uuid}, {bytes} and {clustered} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.
-- What persons and workspaces may ask for: that clicks are erased, that a workspace goes.

-- From then on a workspace that is to be deleted goes; null while nobody asked for it.
ALTER TABLE workspaces ADD COLUMN deletion_at BIGINT;

-- Until then what was erased is looked for before a click is stored; the largest number once the workspace goes.
ALTER TABLE workspace_heads ADD COLUMN guarded_until BIGINT NOT NULL DEFAULT 0;

-- What was asked for. Clicks made from `from_at` on and before `before_at` go: of a visitor, or of a link.
CREATE TABLE erasures (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    -- Null for a link's, and once it is done.
    visitor TEXT,
    visitor_recipe SMALLINT,
    link_id {uuid},
    from_at BIGINT NOT NULL,
    before_at BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    -- Erased so far.
    clicks BIGINT NOT NULL,
    done_at BIGINT,
    until BIGINT NOT NULL
);
CREATE INDEX erasures_of_workspace ON erasures (workspace_id);

-- Under which `erased` was hashed; one for what was erased on a day, and gone with it.
CREATE TABLE erasure_salts (
    workspace_id {uuid} NOT NULL,
    until BIGINT NOT NULL,
    salt {bytes} NOT NULL,
    PRIMARY KEY (workspace_id, until)
){clustered};

-- Hashes of erased clicks, and of visitors with the instant before which their clicks are kept out.
CREATE TABLE erased (
    workspace_id {uuid} NOT NULL,
    hash {bytes} NOT NULL,
    before_at BIGINT,
    until BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, hash)
){clustered};
CREATE INDEX erased_by_end ON erased (until);

-- Visitors by the id that they consented to, over all their days. The visitors of a day are found by its time.
CREATE INDEX clicks_by_consented_visitor ON clicks (workspace_id, visitor) WHERE visitor_recipe = 2;
