SELECT date_bin(INTERVAL '2 minutes', ts) AS minute, sensor, bool_and(ok) AS all_ok, bool_or(ok) AS any_ok FROM sensors
GROUP BY 1, 2
