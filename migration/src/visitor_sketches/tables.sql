-- {uuid}, {blob} and {clustered} differ between PostgreSQL and SQLite.

-- Who was met on a link's day, for counts of several links together: a row for each link and day of the workspace's
-- zone, by the quarter-hour that the day begins with; body: see store's sketch.
CREATE TABLE visitor_sketches (
    workspace_id {uuid} NOT NULL,
    link_id {uuid} NOT NULL,
    quarter BIGINT NOT NULL,
    body {blob} NOT NULL,
    PRIMARY KEY (workspace_id, link_id, quarter)
){clustered};
CREATE INDEX visitor_sketches_by_day ON visitor_sketches (workspace_id, quarter);

-- There are sketches from this quarter-hour on; those of before were let go.
ALTER TABLE workspace_heads ADD COLUMN sketches_from BIGINT NOT NULL DEFAULT 0;
