SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(DISTINCT customer_id) AS customers, sum(DISTINCT quantity) AS quantities, count(*) AS n FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
