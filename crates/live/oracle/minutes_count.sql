SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) AS orders FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
