SELECT date_trunc('minute', ts + INTERVAL '30 seconds') AS minute, count(*) AS n FROM orders
GROUP BY 1
