-- {uuid} and {serial} differ between PostgreSQL and SQLite.

-- Slugs whose link changed, written in the change's own transaction, until the snapshot of links
-- in NATS has them. Rows are only written where there is such a snapshot.
CREATE TABLE link_outbox (
    id {serial},
    workspace_id {uuid} NOT NULL,
    domain_id {uuid} NOT NULL,
    folded TEXT NOT NULL,
    link_id {uuid} NOT NULL,
    version INTEGER NOT NULL
);
