SELECT date_bin(INTERVAL '1 minute', o.ts) AS minute, c.country, sum(o.price) AS revenue FROM orders o JOIN customers c ON o.customer_id = c.id
GROUP BY 1, 2
