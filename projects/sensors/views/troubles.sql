--! materialized = "live"
--! description = "The log: readings of sensors that say that something is wrong, one line each."
--! tests = [{ not_null = ["id", "ts", "line"] }, { accepted_values = { column = "status", values = ["error", "offline"] } }]
--! [columns]
--! id = "the sensor"
--! ts = "when it was read"
--! status = "what it says of itself"
--! line = "for people"
SELECT id, ts, status, id || ' is ' || status || coalesce(' at ' || CAST(value AS TEXT), '') AS line
FROM readings
WHERE status IN ('error', 'offline')
