SELECT window_start, category, count(*) AS orders
FROM orders
GROUP BY category, hop(ordered_at, INTERVAL '10 minutes', INTERVAL '1 minute')
