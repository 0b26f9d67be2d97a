--! state_limit = 100000
SELECT id, category, sum(price) OVER (PARTITION BY category ORDER BY ts) AS so_far FROM orders
