--! emit = "final"
--! closed = "window_end <= {W}"
SELECT window_end, category, avg(price) AS average FROM hop(orders, ts, INTERVAL '30 seconds', INTERVAL '2 minutes')
GROUP BY window_start, window_end, category
