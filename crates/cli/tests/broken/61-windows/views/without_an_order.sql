SELECT id, mad_score(total, 50) OVER (PARTITION BY category) AS score
FROM orders
