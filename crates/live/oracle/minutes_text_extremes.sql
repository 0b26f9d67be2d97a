SELECT date_bin(INTERVAL '1 minute', ts) AS minute, min(category) AS first_category, max(category) AS last_category, min(ts) AS first_ts, max(total) AS largest FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
