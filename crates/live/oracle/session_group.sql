SELECT user_id, window_start, window_end, count(*) AS clicks, min(millis) AS fastest, sum(millis) AS millis FROM clicks
GROUP BY user_id, session(ts, INTERVAL '1 minute')
