--! materialized = "live"
--! description = "Readings that say something is wrong: without state."
SELECT id, ts, value, status FROM readings WHERE status <> 'ok'
