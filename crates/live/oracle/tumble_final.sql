--! emit = "final"
--! closed = "window_end <= {W}"
SELECT window_start, window_end, sum(total) AS total FROM tumble(orders, ts, INTERVAL '1 minute')
GROUP BY window_start, window_end
