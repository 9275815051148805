-- {uuid}, {bytes}, {clustered} and {by_month} differ between PostgreSQL and SQLite.
-- Instants are Unix milliseconds, UTC.

-- Owned by the installation.

CREATE TABLE users (
    id {uuid} PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    id {uuid} PRIMARY KEY,
    private_key {bytes} NOT NULL,
    public_key {bytes} NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id {uuid} PRIMARY KEY,
    user_id {uuid} NOT NULL REFERENCES users (id),
    active_workspace {uuid} NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
    hash {bytes} PRIMARY KEY,
    session_id {uuid} NOT NULL REFERENCES sessions (id),
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE dead_letters (
    id {uuid} PRIMARY KEY,
    frame_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    record {bytes} NOT NULL,
    created_at BIGINT NOT NULL
);

-- Owned by a workspace.

CREATE TABLE workspaces (
    id {uuid} PRIMARY KEY,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    time_zone TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE memberships (
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    user_id {uuid} NOT NULL REFERENCES users (id),
    role SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE links (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    slug TEXT NOT NULL,
    target_url TEXT NOT NULL,
    title TEXT,
    external_id TEXT,
    redirect_status SMALLINT NOT NULL,
    forward_query BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX links_by_workspace ON links (workspace_id, id);
CREATE UNIQUE INDEX links_by_external_id ON links (workspace_id, external_id) WHERE deleted_at IS NULL;

CREATE TABLE link_slugs (
    domain_id {uuid} NOT NULL,
    folded TEXT NOT NULL,
    workspace_id {uuid} NOT NULL REFERENCES workspaces (id),
    link_id {uuid} NOT NULL REFERENCES links (id),
    PRIMARY KEY (domain_id, folded)
);
CREATE INDEX link_slugs_by_link ON link_slugs (link_id);

CREATE TABLE link_stats (
    workspace_id {uuid} NOT NULL,
    link_id {uuid} NOT NULL,
    clicks BIGINT NOT NULL,
    last_clicked_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, link_id)
){clustered};

CREATE TABLE workspace_heads (
    workspace_id {uuid} PRIMARY KEY,
    head BIGINT NOT NULL
){clustered};

CREATE TABLE rollup_cells (
    workspace_id {uuid} NOT NULL,
    link_id {uuid} NOT NULL,
    quarter BIGINT NOT NULL,
    body {bytes} NOT NULL,
    PRIMARY KEY (workspace_id, link_id, quarter)
){clustered};

CREATE TABLE clicks (
    id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    seq BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    link_id {uuid} NOT NULL,
    link_version INTEGER NOT NULL,
    outcome SMALLINT NOT NULL,
    status SMALLINT NOT NULL,
    method SMALLINT NOT NULL,
    url TEXT NOT NULL,
    target_url TEXT NOT NULL,
    verdict SMALLINT NOT NULL,
    verdict_reason SMALLINT NOT NULL,
    country TEXT,
    region TEXT,
    city TEXT,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    browser TEXT,
    browser_version TEXT,
    os TEXT,
    os_version TEXT,
    device SMALLINT NOT NULL,
    language TEXT,
    user_agent TEXT,
    referrer TEXT,
    referrer_host TEXT,
    utm_source TEXT,
    utm_medium TEXT,
    utm_campaign TEXT,
    utm_term TEXT,
    utm_content TEXT,
    parameters TEXT NOT NULL,
    network TEXT,
    redirect_micros INTEGER NOT NULL
){by_month};
CREATE INDEX clicks_by_storage ON clicks (workspace_id, seq);
CREATE INDEX clicks_by_time ON clicks (workspace_id, id);
CREATE INDEX clicks_by_link ON clicks (workspace_id, link_id, id);
