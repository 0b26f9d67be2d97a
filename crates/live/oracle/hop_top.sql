--! state_limit = 100000
SELECT window_start, category, n
FROM (SELECT window_start, category, count(*) AS n, row_number() OVER (PARTITION BY window_start ORDER BY count(*) DESC, category) AS place FROM hop(orders, ts, INTERVAL '1 minute', INTERVAL '5 minutes')
GROUP BY window_start, category) WHERE place <= 2
