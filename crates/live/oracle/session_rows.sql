SELECT user_id, page, ts, window_start FROM session(clicks, ts, INTERVAL '60 seconds', user_id)
