-- {uuid} and {clustered} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- Clicks from before this are not kept: not stored any more, and being deleted.
ALTER TABLE workspace_heads ADD COLUMN kept_from BIGINT NOT NULL DEFAULT 0;
-- All clicks from before this are deleted.
ALTER TABLE workspace_heads ADD COLUMN cleared_to BIGINT NOT NULL DEFAULT 0;
-- The highest place in the order of storage that was deleted.
ALTER TABLE workspace_heads ADD COLUMN purged_to BIGINT NOT NULL DEFAULT 0;
-- What was done since the audit log was told of it last.
ALTER TABLE workspace_heads ADD COLUMN purged BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspace_heads ADD COLUMN addresses_removed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspace_heads ADD COLUMN addresses_told_at BIGINT NOT NULL DEFAULT 0;

-- Addresses that are kept in full, to be found again.
CREATE INDEX clicks_with_address ON clicks (workspace_id, id) WHERE ip IS NOT NULL;

-- What was done in a workspace, and by whom. When it was is in the id. Rows are never changed.
CREATE TABLE audit_log (
    workspace_id {uuid} NOT NULL,
    id {uuid} NOT NULL,
    actor_kind SMALLINT NOT NULL,
    actor_id {uuid},
    action TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
){clustered};

-- Records are kept without the address, and whole only as sealed with the key of a day, which is
-- destroyed. Null for those that were set aside before there was a key.
ALTER TABLE dead_letters ADD COLUMN sealed TEXT;
ALTER TABLE dead_letters ADD COLUMN sealed_day INTEGER;
