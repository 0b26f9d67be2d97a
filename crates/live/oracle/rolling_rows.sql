SELECT id, category, avg(price) OVER (PARTITION BY category ORDER BY ts ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) AS rolling FROM orders
