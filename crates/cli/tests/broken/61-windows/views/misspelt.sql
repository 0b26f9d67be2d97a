SELECT window_start, count(*) AS orders
FROM hop(orders, orderd_at, INTERVAL '1 minute', INTERVAL '5 minutes')
GROUP BY window_start
