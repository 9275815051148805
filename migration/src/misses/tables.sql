-- {uuid} and {clustered} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- Requests for slugs that are no link, on workspaces' own domains. Kept for as long as clicks.
CREATE TABLE misses (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    domain_id {uuid} NOT NULL,
    -- Null where the path could be no slug.
    slug TEXT,
    occurred_at BIGINT NOT NULL,
    verdict SMALLINT NOT NULL,
    network TEXT,
    country TEXT,
    user_agent TEXT
){clustered};
CREATE INDEX misses_of_workspace ON misses (workspace_id, id);

-- How many there were, by quarter-hour since 1970; also of those that are no longer kept.
CREATE TABLE miss_counts (
    workspace_id {uuid} NOT NULL,
    quarter BIGINT NOT NULL,
    domain_id {uuid} NOT NULL,
    verdict SMALLINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, quarter, domain_id, verdict)
){clustered};
