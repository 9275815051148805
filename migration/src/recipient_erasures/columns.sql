-- {uuid} differs between PostgreSQL and SQLite.
-- A recipient who is erased: the parameter that holds the id, and the id, which is null again once it is done.
ALTER TABLE erasures ADD COLUMN recipient_parameter TEXT;
ALTER TABLE erasures ADD COLUMN recipient TEXT;

-- No index knows parameters, so clicks are looked through in the order of their ids, up to this one so far.
ALTER TABLE erasures ADD COLUMN looked_to {uuid};
