-- When the database was built that knew the autonomous system, or its list published, Unix seconds.
ALTER TABLE clicks ADD COLUMN system_version BIGINT;

-- A visitor that is erased by the full address: the user agent is empty where none is sent. Both are null again
-- once it is done.
ALTER TABLE erasures ADD COLUMN ip TEXT;
ALTER TABLE erasures ADD COLUMN user_agent TEXT;
