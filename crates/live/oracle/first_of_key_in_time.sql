SELECT id, kind, value
FROM (SELECT *, row_number() OVER (PARTITION BY id, date_trunc('hour', ts) ORDER BY ts) AS copy FROM events WHERE ts IS NOT NULL) WHERE copy = 1
