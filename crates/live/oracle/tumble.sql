SELECT window_start, window_end, category, count(*) AS n, sum(price) AS revenue FROM tumble(orders, ts, INTERVAL '1 minute')
GROUP BY window_start, window_end, category
