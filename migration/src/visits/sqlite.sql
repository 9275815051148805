-- Who has clicked on which link on a day: whoever has no row was not met in the workspace. A visitor is the sixteen bytes
-- of a day's key, or the text of an id that was consented to. Dies with the salt.
CREATE TABLE visits (
    workspace_id BLOB NOT NULL,
    day INTEGER NOT NULL,
    visitor BLOB NOT NULL,
    link_id BLOB NOT NULL,
    PRIMARY KEY (workspace_id, day, visitor, link_id)
) WITHOUT ROWID;
INSERT INTO visits (workspace_id, day, visitor, link_id)
    SELECT workspace_id, day,
        CASE WHEN length(visitor) = 32 AND CAST(visitor AS TEXT) NOT GLOB '*[^0-9a-f]*' THEN unhex(CAST(visitor AS TEXT)) ELSE visitor END,
        link_id
    FROM visitor_days WHERE link_id <> zeroblob(16);
DROP TABLE visitor_days;
ALTER TABLE visits RENAME TO visitor_days;
