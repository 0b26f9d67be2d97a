SELECT date_bin(INTERVAL '5 minutes', ts, TIMESTAMP '2024-01-01 00:02:00') AS five, count(*) AS n FROM orders
GROUP BY 1
