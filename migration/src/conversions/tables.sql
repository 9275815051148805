-- {uuid} and {clustered} differ between PostgreSQL and SQLite. Instants are Unix milliseconds, UTC.

-- Whether the redirect adds the click's id to the target.
ALTER TABLE links ADD COLUMN append_click_id BOOLEAN NOT NULL DEFAULT FALSE;

-- How long after its click a conversion is taken, in days.
ALTER TABLE workspaces ADD COLUMN attribution_days SMALLINT NOT NULL DEFAULT 30;

-- What a click led to; the caller's own event id says which it was. A click's time is in its id, so rows
-- are found by the clicks of a range, and go with them.
CREATE TABLE conversions (
    workspace_id {uuid} NOT NULL,
    event_id TEXT NOT NULL,
    click_id {uuid} NOT NULL,
    link_id {uuid} NOT NULL,
    name TEXT NOT NULL,
    -- In the currency's smallest unit; null with the currency where nothing was said of a value.
    amount BIGINT,
    -- ISO 4217.
    currency TEXT,
    occurred_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    -- 1 told by the workspace's own program, 2 by a pixel in a page, which anybody can ask for.
    source SMALLINT NOT NULL,
    PRIMARY KEY (workspace_id, event_id)
){clustered};
CREATE INDEX conversions_by_click ON conversions (workspace_id, click_id);
CREATE INDEX conversions_by_time ON conversions (workspace_id, occurred_at);
CREATE INDEX conversions_by_link ON conversions (workspace_id, link_id, click_id);

-- Clicks whose visitor did something on the target, as its page tells.
CREATE TABLE engagements (
    workspace_id {uuid} NOT NULL,
    click_id {uuid} NOT NULL,
    link_id {uuid} NOT NULL,
    engaged_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, click_id)
){clustered};
CREATE INDEX engagements_by_time ON engagements (workspace_id, engaged_at);
CREATE INDEX engagements_by_link ON engagements (workspace_id, link_id, click_id);
