-- {uuid} and {clustered} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

ALTER TABLE links ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE links ADD COLUMN starts_at BIGINT;
ALTER TABLE links ADD COLUMN expires_at BIGINT;
ALTER TABLE links ADD COLUMN fallback_url TEXT;
ALTER TABLE links ADD COLUMN password_hash TEXT;
ALTER TABLE links ADD COLUMN click_limit BIGINT;
-- JSON with a version; null is none.
ALTER TABLE links ADD COLUMN rules TEXT;
ALTER TABLE links ADD COLUMN archived_at BIGINT;

ALTER TABLE clicks ADD COLUMN rule_id TEXT;
-- As it was called when the click came.
ALTER TABLE clicks ADD COLUMN rule_name TEXT;
ALTER TABLE clicks ADD COLUMN variant TEXT;

-- One row for a link that has, or once had, a limit. `granted` never falls but by permits that come
-- back unused; `leased` is what the last statement took.
CREATE TABLE link_permits (
    link_id {uuid} PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    click_limit BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    leased BIGINT NOT NULL
){clustered};
