--! state_limit = 100000
SELECT sensor, ts, ewma_zscore(value, 0.2) OVER (PARTITION BY sensor ORDER BY ts) AS z, mad_score(value, 12) OVER (PARTITION BY sensor ORDER BY ts) AS mad FROM sensors
