SELECT id, ntile(4) OVER (PARTITION BY category, date_trunc('hour', ts) ORDER BY price, id) AS quarter FROM orders
