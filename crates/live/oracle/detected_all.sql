SELECT ts, half_space_score(50, 7, value, level) OVER (ORDER BY ts) AS score FROM sensors
