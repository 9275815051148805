-- {uuid} and {clustered} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- 0 strict, 1 fast.
ALTER TABLE links ADD COLUMN click_limit_mode SMALLINT NOT NULL DEFAULT 0;

-- A block of permits for as long as it may be given back or asked for again. Its id is chosen by
-- who asked, so that neither counts twice.
CREATE TABLE link_leases (
    id {uuid} PRIMARY KEY,
    link_id {uuid} NOT NULL,
    workspace_id {uuid} NOT NULL,
    permits BIGINT NOT NULL,
    until BIGINT NOT NULL
){clustered};
CREATE INDEX link_leases_of_link ON link_leases (link_id, until);
