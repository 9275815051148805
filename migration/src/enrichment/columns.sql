-- What else is kept of a click.

ALTER TABLE clicks ADD COLUMN channel SMALLINT;
ALTER TABLE clicks ADD COLUMN rules_version SMALLINT NOT NULL DEFAULT 0;
-- When the geo database was built that knew the place, Unix seconds.
ALTER TABLE clicks ADD COLUMN geo_version BIGINT;
ALTER TABLE clicks ADD COLUMN system_number BIGINT;
ALTER TABLE clicks ADD COLUMN system_name TEXT;
ALTER TABLE clicks ADD COLUMN visitor TEXT;
ALTER TABLE clicks ADD COLUMN visitor_recipe SMALLINT;
ALTER TABLE clicks ADD COLUMN ip TEXT;
ALTER TABLE clicks ADD COLUMN signals BIGINT NOT NULL DEFAULT 0;

-- What a workspace decided about its visitors, as JSON; null is the default in everything.
ALTER TABLE workspaces ADD COLUMN privacy TEXT;
