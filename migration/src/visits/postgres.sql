-- Who has clicked on which link on a day: whoever has no row was not met in the workspace. A visitor is the sixteen bytes
-- of a day's key, or the text of an id that was consented to. Dies with the salt.

-- The owner sees all rows for as long as this takes.
ALTER TABLE visitor_days NO FORCE ROW LEVEL SECURITY;
ALTER TABLE visitor_days DROP CONSTRAINT visitor_days_pkey;
DELETE FROM visitor_days WHERE link_id = '00000000-0000-0000-0000-000000000000';
UPDATE visitor_days SET visitor = decode(encode(visitor, 'escape'), 'hex')
    WHERE octet_length(visitor) = 32 AND encode(visitor, 'escape') ~ '^[0-9a-f]{32}$';
ALTER TABLE visitor_days ADD PRIMARY KEY (workspace_id, day, visitor, link_id);
ALTER TABLE visitor_days FORCE ROW LEVEL SECURITY;
