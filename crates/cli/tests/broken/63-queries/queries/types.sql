--! params.since = "date"
SELECT id FROM customers WHERE name + $since > 5
