-- A rule's id is written with its hyphens.
INSERT INTO rule_names (workspace_id, rule_id, name)
SELECT l.workspace_id, unhex(json_extract(r.value, '$.id'), '-'), json_extract(r.value, '$.name')
FROM links l, json_each(l.rules, '$.rules') AS r
WHERE l.rules IS NOT NULL
ON CONFLICT (workspace_id, rule_id) DO NOTHING;
