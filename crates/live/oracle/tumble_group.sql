SELECT window_start, count(*) AS n, max(price) AS most FROM orders
GROUP BY tumble(ts, INTERVAL '2 minutes')
