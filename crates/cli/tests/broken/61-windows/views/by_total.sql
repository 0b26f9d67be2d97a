SELECT window_start, count(*) AS orders
FROM tumble(orders, total, INTERVAL '1 minute')
GROUP BY window_start
