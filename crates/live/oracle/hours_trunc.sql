SELECT date_trunc('hour', ts) AS hour, count(quantity) AS n, sum(quantity) AS items FROM orders
GROUP BY date_trunc('hour', ts)
