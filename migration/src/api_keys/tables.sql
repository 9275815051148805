-- {uuid}, {bytes} and {serial} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- As the header Referrer-Policy has it; null sends none.
ALTER TABLE workspaces ADD COLUMN referrer_policy TEXT;
-- Raised whenever what redirectors know of the workspace changes.
ALTER TABLE workspaces ADD COLUMN policy_version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE api_keys (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    -- SHA-256 of the secret.
    hash {bytes} NOT NULL,
    -- Separated by spaces.
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id, id);

-- Secrets under which a workspace signs addresses, sealed under the installation's key.
CREATE TABLE signing_secrets (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    valid_until BIGINT
);
CREATE INDEX signing_secrets_by_workspace ON signing_secrets (workspace_id, id);

-- Keys (kind 0) and workspaces (kind 1) that changed, written in the change's own transaction, until
-- the snapshot of links in NATS has them. Rows are only written where there is such a snapshot.
CREATE TABLE policy_outbox (
    id {serial},
    workspace_id {uuid} NOT NULL,
    kind SMALLINT NOT NULL,
    subject {uuid} NOT NULL
);
