SELECT date_bin(INTERVAL '1 minute', ts) AS minute, first_value(price ORDER BY ts) AS opening, last_value(price ORDER BY ts) AS closing, max(price) AS high, min(price) AS low FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
