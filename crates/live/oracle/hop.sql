SELECT window_start, window_end, count(*) AS n, sum(price) AS revenue FROM hop(orders, ts, INTERVAL '1 minute', INTERVAL '5 minutes')
GROUP BY window_start, window_end
