--! materialized = "live"
--! key = "states"
SELECT status, count(*) AS n FROM system.runs GROUP BY status
