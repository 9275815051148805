-- 1 where clicks with the value were erased, and nobody has looked yet whether any are left.
ALTER TABLE rollup_values ADD COLUMN doubtful SMALLINT NOT NULL DEFAULT 0;
CREATE INDEX rollup_values_doubtful ON rollup_values (workspace_id) WHERE doubtful = 1;

-- How often values were forgotten: whoever remembers numbers of before must not use them.
ALTER TABLE workspace_heads ADD COLUMN values_forgotten BIGINT NOT NULL DEFAULT 0;
