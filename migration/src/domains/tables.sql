-- {uuid} and {serial} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- A workspace's own hosts.
CREATE TABLE domains (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    host TEXT NOT NULL,
    -- What the proof in DNS is made from.
    token TEXT NOT NULL,
    -- JSON.
    settings TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    -- Set for as long as the domain serves links.
    verified_at BIGINT,
    suspended_at BIGINT,
    -- A removed domain that has links stays, so that they come back with it.
    removed_at BIGINT,
    checked_at BIGINT,
    problem TEXT,
    -- Looks in a row that found the proof missing, and since when.
    lapses INTEGER NOT NULL,
    lapsed_since BIGINT,
    next_check_at BIGINT NOT NULL,
    tried_at BIGINT
);
CREATE UNIQUE INDEX domains_by_workspace ON domains (workspace_id, host);
CREATE UNIQUE INDEX domains_by_verified_host ON domains (host) WHERE verified_at IS NOT NULL;
CREATE INDEX domains_by_check ON domains (next_check_at) WHERE verified_at IS NOT NULL;

-- Null for the shared short domain.
ALTER TABLE links ADD COLUMN domain_id {uuid};

-- Owned by the installation: hosts that a workspace has freed, which nobody else may take yet.
CREATE TABLE host_quarantine (
    host TEXT PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    until BIGINT NOT NULL
);

-- As link_outbox, for hosts.
CREATE TABLE domain_outbox (
    id {serial},
    workspace_id {uuid} NOT NULL,
    host TEXT NOT NULL,
    domain_id {uuid} NOT NULL,
    version INTEGER NOT NULL
);
