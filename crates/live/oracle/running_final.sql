--! state_limit = 100000
--! emit = "final"
--! closed = "ts < {W}"
SELECT sensor, ts, max(value) OVER (PARTITION BY sensor ORDER BY ts) AS peak FROM sensors
