SELECT window_start, window_end, count(DISTINCT user_id) AS users FROM cumulate(clicks, ts, INTERVAL '1 minute', INTERVAL '5 minutes')
GROUP BY window_start, window_end
