--! late = "update"
SELECT window_start, count(*) AS n FROM tumble(orders, ts, INTERVAL '1 minute')
GROUP BY window_start
