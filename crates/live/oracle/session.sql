SELECT user_id, window_start, window_end, count(*) AS clicks FROM session(clicks, ts, INTERVAL '90 seconds', user_id)
GROUP BY user_id, window_start, window_end
