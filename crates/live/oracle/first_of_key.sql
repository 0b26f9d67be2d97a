--! state_limit = 100000
SELECT id, kind, value
FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY ts) AS copy FROM events WHERE ts IS NOT NULL) WHERE copy = 1
