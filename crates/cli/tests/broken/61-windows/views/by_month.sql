SELECT window_start, sum(total) AS total
FROM orders
GROUP BY tumble(ordered_at, INTERVAL '1 month')
