--! emit = "final"
--! closed = "window_end < {W}"
SELECT user_id, window_start, window_end, count(*) AS clicks, median(millis) AS middle FROM session(clicks, ts, INTERVAL '60 seconds', user_id)
GROUP BY user_id, window_start, window_end
