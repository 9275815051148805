-- {uuid}, {bytes} and {clustered} differ between PostgreSQL and SQLite.

-- Which clicks are of which recipient, by workspaces.recipient_parameter: what finds them without reading all clicks.
-- Noted when somebody asks, for clicks up to recipients_noted_to in the order of storage, and gone with the click.
CREATE TABLE click_recipients (
    workspace_id {uuid} NOT NULL,
    recipient TEXT {bytes} NOT NULL,
    click_id {uuid} NOT NULL,
    PRIMARY KEY (workspace_id, recipient, click_id)
){clustered};
CREATE INDEX click_recipients_by_click ON click_recipients (workspace_id, click_id);

ALTER TABLE workspaces ADD COLUMN recipients_noted_to BIGINT NOT NULL DEFAULT 0;
