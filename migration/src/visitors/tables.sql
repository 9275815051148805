-- {uuid}, {bytes} and {clustered} differ between PostgreSQL and SQLite.
-- Visitors told apart for a day. day counts the workspace's local days from 1970-01-01.

-- Empty where it has been destroyed and what was made with it is being forgotten.
CREATE TABLE visitor_salts (
    workspace_id {uuid} NOT NULL,
    day INTEGER NOT NULL,
    salt {bytes} NOT NULL,
    made_at BIGINT NOT NULL,
    used_until BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, day)
){clustered};

-- Who has clicked on a day: a link, or with the nil id any of the workspace. Dies with the salt.
CREATE TABLE visitor_days (
    workspace_id {uuid} NOT NULL,
    day INTEGER NOT NULL,
    link_id {uuid} NOT NULL,
    visitor {bytes} NOT NULL,
    PRIMARY KEY (workspace_id, day, link_id, visitor)
){clustered};

-- Bits: 1 the first of its visitor's day for its link, 2 for the workspace, 4 its visitor was told apart.
ALTER TABLE clicks ADD COLUMN first_of_day SMALLINT NOT NULL DEFAULT 0;
