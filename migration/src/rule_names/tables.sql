-- {uuid} and {clustered} differ between PostgreSQL and SQLite.

-- What each rule is called, or was when it was saved last: clicks and counts name rules by their ids, and outlive both
-- the rule and the link's version that had it.
CREATE TABLE rule_names (
    workspace_id {uuid} NOT NULL,
    rule_id {uuid} NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (workspace_id, rule_id)
){clustered};
