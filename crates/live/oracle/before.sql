SELECT user_id, ts, page, lag(page) OVER (PARTITION BY user_id ORDER BY ts) AS came_from, ts - lag(ts) OVER (PARTITION BY user_id ORDER BY ts) AS pause FROM clicks
