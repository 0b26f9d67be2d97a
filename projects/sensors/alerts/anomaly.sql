--! description = "A sensor reads what it never does."
--! severity = "warning"
--! key = "id"
--! state_limit = "2M rows"
--! renotify = "2m"
--! cooldown = "1m"
--! resolve_after = "5m"
SELECT id, ts, value, of_median FROM anomalies
