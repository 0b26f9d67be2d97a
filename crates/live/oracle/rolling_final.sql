--! emit = "final"
--! closed = "ts < {W}"
SELECT sensor, ts, avg(value) OVER (PARTITION BY sensor ORDER BY ts ROWS 2 PRECEDING) AS rolling FROM sensors
