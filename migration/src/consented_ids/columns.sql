-- Clicks from before this may have lost the id that their visitor consented to. Unix milliseconds.
ALTER TABLE workspace_heads ADD COLUMN visitors_from BIGINT NOT NULL DEFAULT 0;
-- What was done since the audit log was told of it last.
ALTER TABLE workspace_heads ADD COLUMN visitors_removed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspace_heads ADD COLUMN visitors_told_at BIGINT NOT NULL DEFAULT 0;

-- Ids that visitors consented to, the oldest first.
CREATE INDEX clicks_with_consented_visitor ON clicks (workspace_id, id) WHERE visitor_recipe = 2;
